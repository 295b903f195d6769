package warehouse

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	RunEngineIfAsked()
	os.Exit(m.Run())
}
