package extractor_test

import (
	"testing"

	"stagelag/extractor"
	"stagelag/extractor/landingtest"
)

func TestMemoryIsALanding(t *testing.T) {
	landingtest.Run(t, func(*testing.T) func() extractor.Landing {
		m := newMemory()
		m.run = 0
		return func() extractor.Landing {
			m.run++
			return m
		}
	})
}
