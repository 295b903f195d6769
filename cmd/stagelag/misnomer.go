package main

import (
	"context"
	"errors"
	"time"

	"stagelag/config"
	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/warehouse"
)

// answerPatience is how long the portal, and then the warehouse, are asked for the ids behind names. A command that
// can't begin should not wait long.
const answerPatience = 10 * time.Second

// answered is an error of a configuration with the ids behind the names in it, from the portal, or what was published of
// it. Where neither is in reach, and for any other error, it is the error itself.
func (a *app) answered(ctx context.Context, err error) error {
	wrong, ok := errors.AsType[*config.Error](err)
	if !ok || !wrong.HasMisnomers() {
		return err
	}
	cfg := wrong.Read()
	a.progress.Step("look for the ids of what the configuration names")
	defer a.progress.Done()
	if cfg.Portal.URL.Host() != "" {
		limited, cancel := context.WithTimeout(ctx, answerPatience)
		defer cancel()
		portal, err := extractor.Describe(limited, a.quietClient(cfg))
		if err == nil {
			return wrong.Answered(config.NewDirectory(portal.Funnels, portal.Fields))
		}
	}
	limited, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	_ = withWarehouse(limited, readOnly(cfg), func(ctx context.Context, w *warehouse.Warehouse) error {
		funnels, err := loader.FunnelsOf(ctx, w.DB(), 0)
		wrong = wrong.AnsweredPartly(config.NewDirectory(funnels, nil))
		return err
	})
	return wrong
}
