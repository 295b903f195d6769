package extractor_test

import (
	"errors"
	"slices"
	"testing"

	"stagelag/bitrix24"
	"stagelag/extractor"
)

func wantWarning(t *testing.T, result extractor.Result, warning string) {
	t.Helper()
	if !slices.Contains(result.Warnings, warning) {
		t.Errorf("warnings %q, want %q", result.Warnings, warning)
	}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var refusal *bitrix24.APIError
	if !errors.As(err, &refusal) || refusal.Code != code {
		t.Errorf("error %v, want the code %s", err, code)
	}
}
