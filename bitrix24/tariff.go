package bitrix24

import (
	"cmp"
	"context"
	"strings"
)

// A Tariff is what a portal says of its plan.
type Tariff struct {
	// Name is the portal's own, such as ru_ent250; empty where it does not say.
	Name string
	// Limits are those that the tariff has; empty where they are not known.
	Limits Limits
}

// Tariff asks for the portal's plan. Some portals show it to applications only, so a plan
// that is not known is not an error.
func (c *Client) Tariff(ctx context.Context) (Tariff, error) {
	answers, err := c.Batch(ctx, []Command{{Method: "app.info"}})
	if err != nil {
		return Tariff{}, err
	}
	var told struct {
		License Text `json:"LICENSE"`
		Family  Text `json:"LICENSE_FAMILY"`
	}
	isTold := answers[0].Err == nil && Decode(answers[0].Result, &told) == nil
	name := string(cmp.Or(told.License, told.Family))
	// The name begins with the country: ru_ent250.
	_, plan, _ := strings.Cut(string(told.License), "_")
	switch family := strings.ToLower(string(told.Family)); {
	case !isTold || name == "":
		return Tariff{}, nil
	case family == "ent" || family == "" && strings.HasPrefix(strings.ToLower(plan), "ent"):
		return Tariff{name, Enterprise}, nil
	case strings.EqualFold(name, "selfhosted"):
		return Tariff{name, Unlimited}, nil
	default:
		return Tariff{name, Standard}, nil
	}
}
