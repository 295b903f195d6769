package loader

import (
	"testing"

	"stagelag/extractor"
	"stagelag/extractor/landingtest"
	"stagelag/warehouse/warehousetest"
)

func TestTheEngineIsALanding(t *testing.T) {
	landingtest.Run(t, func(t *testing.T) func() extractor.Landing {
		w := warehousetest.Migrated(t)
		return func() extractor.Landing { return begin(t, w, lastDay).Landing() }
	})
}
