package writeback

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/extractor"
	"stagelag/plain"
)

// A field that people fill is easily named by mistake, and what it held is lost with the first write-back. So
// a field is written only if this warehouse has written it before, or if it holds nothing else than what it is
// to hold, or if an operator says so once.

// A foreign is what a field holds that write-back has not written.
type foreign struct {
	deals int
	deal  extractor.DealID // one of them
	value string
}

// A ForeignError is a field with values that write-back would lose.
type ForeignError struct {
	Role  Role
	Field string
	Deals int
	Deal  extractor.DealID // one of them
	Value string
}

func (e *ForeignError) Error() string {
	const most = 40
	return fmt.Sprintf("write_back.%s: the field %s holds values that write-back has not written, in %d deals, such as %q in deal %d; "+
		"name another field, or have them replaced by stagelag write-back --overwrite", e.Role, e.Field, e.Deals, plain.Text(e.Value, most), e.Deal)
}

// notice counts what the fields of a deal hold that would be lost.
func (w *writing) notice(t *todo, shown map[string]string) {
	for i, field := range w.plan.fields {
		value := shown[field.Name]
		if value == "" || t.differs&(1<<i) == 0 || w.own[field.Name] {
			continue
		}
		f := w.foreign[field.Name]
		if f.deals++; f.deals == 1 || t.id < f.deal {
			f.deal, f.value = t.id, value
		}
		w.foreign[field.Name] = f
	}
}

// takeOver records which fields are write-back's from now on, before anything is written: a pass that is killed
// goes on. It returns a *ForeignError where something would be lost unasked.
func (w *writing) takeOver(ctx context.Context, fields []Field) error {
	if w.pass.DryRun {
		return nil
	}
	isNew := false
	for _, field := range fields {
		if f, isForeign := w.foreign[field.Name]; isForeign && !w.pass.Overwrite {
			return &ForeignError{Role: field.Role, Field: field.Name, Deals: f.deals, Deal: f.deal, Value: f.value}
		}
		isNew = isNew || !w.own[field.Name]
	}
	if !isNew {
		return nil
	}
	for _, field := range fields {
		w.own[field.Name] = true
	}
	err := w.conn.Exec(ctx, "INSERT INTO write_backs (deal_id, updated_at, written_at, fields) SELECT 0, ?, ?, ?",
		time.Unix(0, 0).UTC(), w.pass.Now().UTC(), slices.Sorted(maps.Keys(w.own)))
	if err != nil {
		return fmt.Errorf("record the fields: %w", err)
	}
	return nil
}

// ownFields are the fields that this warehouse has written before.
func ownFields(ctx context.Context, conn driver.Conn) (map[string]bool, error) {
	var names []string
	if err := conn.QueryRow(ctx, "SELECT argMax(fields, written_at) FROM write_backs WHERE deal_id = 0").Scan(&names); err != nil {
		return nil, fmt.Errorf("read which fields were written: %w", err)
	}
	own := map[string]bool{}
	for _, name := range names {
		own[strings.ToUpper(name)] = true
	}
	return own, nil
}
