package doctor

import (
	"context"
	"errors"
	"fmt"

	"stagelag/bitrix24"
	"stagelag/letter"
	"stagelag/plain"
	"stagelag/remedy"
)

// letters sees that the morning letter can be sent, and sends none.
func (e *examination) letters(ctx context.Context) {
	cfg := e.Config.Letter
	if cfg.NeedsPortal() {
		e.messenger(ctx)
	}
	if len(cfg.Mail.To) == 0 {
		return
	}
	if err := letter.TryMail(ctx, cfg.Mail); err != nil {
		e.find("letter", Problem, err.Error(), "until then mail is tried again every night, and not delivered")
		return
	}
	e.find("letter", OK, fmt.Sprintf("the mail server %s takes mail from this configuration, for %s", cfg.Mail.URL, count(len(cfg.Mail.To), "recipient")), "")
}

// messenger looks at the right to send messages, and at the chat.
func (e *examination) messenger(ctx context.Context) {
	cfg := e.Config.Letter
	switch {
	case e.description == nil:
		e.find("letter", Warning, notAsked, "")
		return
	case !e.description.HasScope(bitrix24.MessageScope):
		e.find("letter", Problem, "the webhook lacks the scope im, so no message can be sent", "tick im in the webhook's settings, or take letter.chat and letter.managers out of the configuration")
		return
	}
	if cfg.Managers {
		if e.description.ShowsPeople() {
			e.find("letter", OK, "managers get their letters in the portal's messenger", "")
		} else {
			e.find("letter", Warning, "the webhook lacks the scope user: nobody is known to be dismissed, and all managers get letters", "tick user in the webhook's settings")
		}
	}
	if cfg.Chat == "" {
		return
	}
	dialog, err := e.Client.Dialog(ctx, string(cfg.Chat))
	name := plain.Text(dialog.Name, 60)
	_, isRefused := errors.AsType[*bitrix24.APIError](err)
	switch {
	case isRefused:
		e.find("letter", Problem, fmt.Sprintf("letter.chat %s: %v", cfg.Chat, err), "let the webhook's user into the chat, or correct letter.chat: the number stands in the chat's address")
	case err != nil:
		e.find("letter", Warning, fmt.Sprintf("letter.chat %s: %v", cfg.Chat, err), remedy.Of(err))
	case !dialog.CanSend:
		e.find("letter", Problem, fmt.Sprintf("the webhook's user may not write into the chat %s (%s)", cfg.Chat, name), "let the user write there, or name another chat in letter.chat")
	default:
		e.find("letter", OK, fmt.Sprintf("leadership gets the summary in %s (%s)", cfg.Chat, name), "")
	}
}
