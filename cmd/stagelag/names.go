package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"stagelag/config"
	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/plain"
	"stagelag/views"
	"stagelag/warehouse"
)

// A named is a thing that flags take by its id or by its name.
type named struct {
	id   uint64
	name string
}

// pick returns the id that was given, or that of the one thing with the name that was given. About begins a
// message, kind is what is looked for.
func pick(about, kind, given string, known []named) (uint64, error) {
	given = strings.TrimSpace(given)
	if id, err := strconv.ParseUint(given, 10, 64); err == nil {
		return id, nil
	}
	var found, ids, names []string
	var id uint64
	for _, n := range known {
		number := strconv.FormatUint(n.id, 10)
		ids, names = append(ids, number+" ("+plain.Text(n.name, 60)+")"), append(names, n.name)
		if strings.EqualFold(strings.TrimSpace(n.name), given) {
			found, id = append(found, number), n.id
		}
	}
	none, several := noneOf(kind)
	switch {
	case len(found) == 1:
		return id, nil
	case len(found) > 1:
		return 0, usagef("%s: %s have the name %q: give the id, one of %s", about, several, plain.Text(given, 60), strings.Join(found, ", "))
	case len(known) == 0:
		return 0, usagef("%s: before the first run is published, %s is known by its name: give the id", about, none)
	case len(known) <= 10:
		return 0, usagef("%s: there is %s %q; there are %s", about, none, plain.Text(given, 60), strings.Join(ids, ", "))
	}
	near := config.Nearest(given, names)
	for i, name := range names {
		if name == near {
			return 0, usagef("%s: there is %s %q, the nearest is %s", about, none, plain.Text(given, 60), ids[i])
		}
	}
	return 0, usagef("%s: there is %s %q", about, none, plain.Text(given, 60))
}

// noneOf says that there is none of a kind of thing, and that there are several.
func noneOf(kind string) (none, several string) {
	switch kind {
	case "person":
		return "no person", "several people"
	case "company":
		return "no company", "several companies"
	default:
		return "no funnel", "several funnels"
	}
}

// isNumber is whether a flag was given an id, which nothing has to be asked for.
func isNumber(given string) bool {
	_, err := strconv.ParseUint(strings.TrimSpace(given), 10, 64)
	return err == nil
}

// pickFunnel is pick for a funnel of a warehouse.
func pickFunnel(ctx context.Context, w *warehouse.Warehouse, about, given string) (extractor.FunnelID, error) {
	var known []named
	if !isNumber(given) {
		funnels, err := publishedFunnels(ctx, w)
		if err != nil {
			return 0, err
		}
		known = funnels
	}
	return pickFunnelOf(about, given, known)
}

func pickFunnelOf(about, given string, known []named) (extractor.FunnelID, error) {
	id, err := pick(about, "funnel", given, known)
	if err == nil && id > 1<<32-1 {
		err = usagef("%s: %d is no id of a funnel", about, id)
	}
	return extractor.FunnelID(id), err
}

func publishedFunnels(ctx context.Context, w *warehouse.Warehouse) ([]named, error) {
	if published, err := views.In(w).Published(ctx); err != nil || published.RunID == 0 {
		return nil, err
	}
	funnels, err := loader.FunnelsOf(ctx, w.DB(), 0)
	return namedFunnels(funnels), err
}

func namedFunnels(funnels []extractor.Funnel) []named {
	var known []named
	for _, f := range funnels {
		known = append(known, named{uint64(f.ID), f.Name})
	}
	return known
}

// pickManager is pick for a person of a warehouse.
func pickManager(ctx context.Context, w *warehouse.Warehouse, about, given string) (extractor.ManagerID, error) {
	var known []named
	if !isNumber(given) {
		managers, err := views.In(w).Managers(ctx)
		if err != nil {
			return 0, err
		}
		for _, m := range managers {
			known = append(known, named{uint64(m.ID), m.Name})
		}
	}
	id, err := pick(about, "person", given, known)
	return extractor.ManagerID(id), err
}

// pickCompany is pick for a company that has a deal.
func pickCompany(ctx context.Context, w *warehouse.Warehouse, about, given string) (extractor.CompanyID, error) {
	companies, err := views.In(w).Companies(ctx)
	if err != nil {
		return 0, err
	}
	var known []named
	for _, c := range companies {
		known = append(known, named{uint64(c.ID), c.Name})
	}
	id, err := pick(about, "company", given, known)
	if err == nil && !slices.ContainsFunc(known, func(n named) bool { return n.id == id }) {
		err = usagef("%s: no deal has a company %d", about, id)
	}
	return extractor.CompanyID(id), err
}

// pickDimensions are the values of the fields by which deals are grouped that --where was given, as some deal has them.
func pickDimensions(ctx context.Context, w *warehouse.Warehouse, given []string) (picked []views.Dimension, err error) {
	if len(given) == 0 {
		return nil, nil
	}
	known, err := views.In(w).Dimensions(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, d := range known {
		if !slices.Contains(names, d.Name) {
			names = append(names, d.Name)
		}
	}
	for _, text := range given {
		name, value, isPair := strings.Cut(text, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		var values []string
		for _, d := range known {
			if d.Name == name {
				values = append(values, d.Value)
			}
		}
		switch {
		case !isPair || name == "" || value == "":
			return nil, usagef("report: --where: %s is not NAME=VALUE, such as region=North", strconv.Quote(plain.Text(text, 60)))
		case len(names) == 0:
			return nil, usagef("report: --where: no deal has a value of a dimension; name fields under dimensions in the configuration, and make a run")
		case len(values) == 0:
			return nil, usagef("report: --where: no deal has a value of a dimension %s; there are %s", strconv.Quote(plain.Text(name, 60)), plain.Text(strings.Join(names, ", "), 200))
		case !slices.Contains(values, value):
			return nil, usagef("report: --where: no deal has %s %s%s", plain.Text(name, 60), strconv.Quote(plain.Text(value, 60)), config.Meant(value, values))
		}
		picked = append(picked, views.Dimension{Name: name, Value: value})
	}
	return picked, nil
}

// knownFunnels are those of the warehouse, or where there is none those of the portal.
func (a *app) knownFunnels(ctx context.Context, cfg config.Config) (known []named, err error) {
	err = withWarehouse(ctx, readOnly(cfg), func(ctx context.Context, w *warehouse.Warehouse) error {
		known, err = publishedFunnels(ctx, w)
		return err
	})
	if _, isAbsent := errors.AsType[*warehouse.AbsentError](err); isAbsent {
		err = nil
	}
	if err != nil || len(known) > 0 || cfg.Portal.URL.Host() == "" {
		return known, err
	}
	portal, err := extractor.Describe(ctx, a.client(cfg))
	if err != nil {
		return nil, fmt.Errorf("ask the portal for its funnels: %w", err)
	}
	return namedFunnels(portal.Funnels), nil
}

// checkDepartments is a usage error for a department of which no run has seen anybody.
func checkDepartments(ctx context.Context, w *warehouse.Warehouse, given []string) error {
	if len(given) == 0 {
		return nil
	}
	known, err := views.In(w).Departments(ctx)
	if err != nil {
		return err
	}
	for _, name := range given {
		switch {
		case slices.Contains(known, name):
		case len(known) == 0:
			return usagef("report: --department: no department is known; the webhook needs the rights user and department")
		default:
			return usagef("report: --department: no run has seen anybody in %s%s", strconv.Quote(plain.Text(name, 60)), config.Meant(name, known))
		}
	}
	return nil
}
