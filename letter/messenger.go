package letter

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"stagelag/bitrix24"
)

// mostUncertain is how many answers in a row may be lost before a way is given up for this call. What is then left is
// surely not sent, while each further letter would count as sent.
const mostUncertain = 2

// A messenger is the way through the portal.
type messenger struct {
	client    *bitrix24.Client
	hopeless  error // what keeps every message from being sent
	uncertain int   // in a row
}

// open sees that the portal can be asked, after an answer was lost: one that answers nobody would have all letters
// count as sent.
func (m *messenger) open(ctx context.Context) error {
	switch {
	case m.hopeless != nil:
		return m.hopeless
	case m.uncertain == 0:
		return nil
	case m.uncertain >= mostUncertain:
		return fmt.Errorf("%d answers in a row were lost", m.uncertain)
	}
	if _, err := m.client.Batch(ctx, []bitrix24.Command{{Method: "server.time"}}); err != nil {
		m.hopeless = err
		return err
	}
	return nil
}

func (m *messenger) deliver(ctx context.Context, _ *sending, l *Letter) error {
	_, err := m.client.SendMessage(ctx, l.Recipient, l.Text)
	switch {
	case err == nil:
		m.uncertain = 0
	case errors.Is(err, bitrix24.ErrOutcomeUnknown):
		m.uncertain++
		return fmt.Errorf("%w: %w", errUncertain, err)
	case !isOfRecipient(err):
		m.hopeless = err
	}
	return err
}

func (m *messenger) close() {}

// isOfRecipient is whether a refusal is about one dialog, so that others can still be sent.
func isOfRecipient(err error) bool {
	refusal, ok := errors.AsType[*bitrix24.APIError](err)
	if !ok {
		return false
	}
	for _, code := range []string{
		bitrix24.CodeInsufficientScope, bitrix24.CodeOverload, bitrix24.CodePortalDeleted, bitrix24.CodeTooManyRequests, bitrix24.CodeOperatingLimit, "ACCESS_DENIED", "ERROR_METHOD_NOT_FOUND",
	} {
		if strings.EqualFold(refusal.Code, code) {
			return false
		}
	}
	return refusal.HTTPStatus != http.StatusUnauthorized
}
