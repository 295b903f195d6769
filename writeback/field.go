package writeback

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"stagelag/bitrix24"
	"stagelag/config"
)

// A Role is what a field is written for: a key of write_back.
type Role string

// The roles, in the order of the configuration.
const (
	State      Role = "state"
	DaysLate   Role = "days_late"
	DaysLeft   Role = "days_left"
	PlannedEnd Role = "planned_end"
	DaysLost   Role = "days_lost"

	ExpectedEnd     Role = "expected_end"
	LateProbability Role = "late_probability"
)

// A role's field, as setup makes it and as it may be.
type kind struct {
	role    Role
	types   []string // that hold the values; the first is made
	english string   // what people see
	russian string
}

var kinds = []kind{
	{State, []string{"string"}, "Stage: state", "Стадия: состояние"},
	{DaysLate, []string{"integer", "double", "string"}, "Stage: days late", "Стадия: дней просрочки"},
	{DaysLeft, []string{"integer", "double", "string"}, "Stage: days left", "Стадия: дней осталось"},
	{PlannedEnd, []string{"date", "string"}, "Stage: planned end", "Стадия: плановое окончание"},
	{DaysLost, []string{"integer", "double", "string"}, "Days lost in total", "Всего потеряно дней"},
	{ExpectedEnd, []string{"date", "string"}, "Stage: expected end", "Стадия: ожидаемое окончание"},
	{LateProbability, []string{"integer", "double", "string"}, "Stage: will be late, %", "Стадия: опоздает, %"},
}

func (k kind) label(language config.Language) string {
	if language == config.Russian {
		return k.russian
	}
	return k.english
}

// defaultName is the name of the field that setup makes where none is configured.
func (k kind) defaultName() string { return "UF_CRM_STAGELAG_" + strings.ToUpper(string(k.role)) }

func named(cfg config.WriteBack) map[Role]string {
	return map[Role]string{
		State: string(cfg.State), DaysLate: string(cfg.DaysLate), DaysLeft: string(cfg.DaysLeft),
		PlannedEnd: string(cfg.PlannedEnd), DaysLost: string(cfg.DaysLost),
		ExpectedEnd: string(cfg.ExpectedEnd), LateProbability: string(cfg.LateProbability),
	}
}

// A Field is the field of one role, on the portal or to be made there.
type Field struct {
	Role  Role
	Name  string // upper case
	Type  string // on the portal; empty: there is no such field
	Title string // what people see
	// Fault says why the field of that name can't hold the values; empty if it can, or if it
	// does not exist.
	Fault string
}

// IsMissing is whether the portal has no such field.
func (f Field) IsMissing() bool { return f.Type == "" }

// Inspect gives the fields of all roles, as the portal has them: those that are configured,
// and for the others those that Create makes.
func Inspect(cfg config.WriteBack, portal bitrix24.Description) []Field {
	names := named(cfg)
	fields := make([]Field, 0, len(kinds))
	for _, k := range kinds {
		name := names[k.role]
		if name == "" {
			name = k.defaultName()
		}
		fields = append(fields, inspect(k, name, cfg.Language, portal))
	}
	return fields
}

func inspect(k kind, name string, language config.Language, portal bitrix24.Description) Field {
	field := Field{Role: k.role, Name: name, Title: k.label(language)}
	at := slices.IndexFunc(portal.Fields, func(f bitrix24.Field) bool { return f.Name == name })
	if at < 0 {
		return field
	}
	known := portal.Fields[at]
	field.Type, field.Title = known.Type, known.Title
	switch {
	case known.IsReadOnly:
		field.Fault = "is read-only"
	case known.IsMultiple:
		field.Fault = "holds several values"
	case !slices.Contains(k.types, known.Type):
		field.Fault = fmt.Sprintf("is of type %s, expected %s", known.Type, strings.Join(k.types, " or "))
	}
	return field
}

// CheckFields holds the configured fields against what the portal has. What can't be written is a
// *config.Error.
func CheckFields(cfg config.WriteBack, portal bitrix24.Description) error {
	_, err := configured(cfg, portal)
	return err
}

// configured are the fields that are to be written. A field that the portal does not have, or
// that can't hold its values, is a *config.Error.
func configured(cfg config.WriteBack, portal bitrix24.Description) ([]Field, error) {
	var fields []Field
	var complaints []config.Complaint
	names := named(cfg)
	custom := config.NewDirectory(nil, slices.DeleteFunc(slices.Clone(portal.Fields), func(f bitrix24.Field) bool { return !strings.HasPrefix(f.Name, "UF_") }))
	for _, k := range kinds {
		if names[k.role] == "" {
			continue
		}
		field := inspect(k, names[k.role], cfg.Language, portal)
		place := "write_back." + string(k.role)
		switch {
		case field.IsMissing():
			text := custom.Missing(config.Misnomer{Key: place, Kind: config.KindField, Name: field.Name})
			complaints = append(complaints, config.Complaint{Text: text + "; stagelag write-back setup --create makes the fields"})
		case field.Fault != "":
			complaints = append(complaints, config.Complaint{Text: fmt.Sprintf("%s: the portal's field %s %s", place, field.Name, field.Fault)})
		}
		fields = append(fields, field)
	}
	if len(complaints) > 0 {
		return nil, &config.Error{Complaints: complaints}
	}
	return fields, nil
}

// Create makes those of the fields that are missing, and says how the portal has all of them
// then. Fields that exist are left alone, whatever they are.
func Create(ctx context.Context, client *bitrix24.Client, cfg config.WriteBack, fields []Field) ([]Field, error) {
	var missing []bitrix24.NewField
	for _, field := range fields {
		if field.IsMissing() {
			at := slices.IndexFunc(kinds, func(k kind) bool { return k.role == field.Role })
			missing = append(missing, bitrix24.NewField{Name: field.Name, Type: kinds[at].types[0], Label: field.Title})
		}
	}
	if len(missing) == 0 {
		return fields, nil
	}
	refusals, err := client.AddFields(ctx, missing)
	if err != nil && !errors.Is(err, bitrix24.ErrOutcomeUnknown) {
		return nil, fmt.Errorf("create fields: %w", err)
	}
	// What the portal shows now counts, also where the answer was lost.
	portal, describing := client.Describe(ctx)
	if describing != nil {
		return nil, fmt.Errorf("create fields: %w", errors.Join(err, describing))
	}
	created := make([]Field, 0, len(fields))
	for _, field := range fields {
		at := slices.IndexFunc(kinds, func(k kind) bool { return k.role == field.Role })
		created = append(created, inspect(kinds[at], field.Name, cfg.Language, portal))
	}
	if !slices.ContainsFunc(created, Field.IsMissing) {
		return created, nil
	}
	if err != nil {
		return created, fmt.Errorf("create fields: %w; run the command again", err)
	}
	for i, refusal := range refusals {
		if refusal != nil {
			return created, fmt.Errorf("create field %s: %w; only an administrator of the CRM may create fields: use the webhook of one, or create them by hand",
				missing[i].Name, refusal)
		}
	}
	return created, errors.New("create fields: the portal said yes and does not show them; run the command again")
}

// Configuration is the part of the configuration that has the fields written, as YAML to
// paste. Those that can't be written are left out.
func Configuration(cfg config.WriteBack, fields []Field) string {
	var b strings.Builder
	fmt.Fprintf(&b, "write_back:\n  language: %s\n", cfg.Language)
	for _, field := range fields {
		if !field.IsMissing() && field.Fault == "" {
			fmt.Fprintf(&b, "  %s: %s\n", field.Role, field.Name)
		}
	}
	return b.String()
}
