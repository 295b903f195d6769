package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stagelag/config"
	"stagelag/letter"
	"stagelag/loader"
	"stagelag/nightly"
	"stagelag/plain"
	"stagelag/remedy"
	"stagelag/sql"
	"stagelag/views"
	"stagelag/warehouse"
	"stagelag/writeback"
)

func newBackup(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE" + warehouse.BackupSuffix,
		Short: "Write the whole warehouse into a file",
		Long: `Writes the whole warehouse into a file: what the last run has published, all runs before it, and
what was read from the portal. It holds names, titles and amounts, and only its owner may read it.
No run can be under way meanwhile; it takes seconds.

Where warehouse.url names a server, the file lies on the server, in the folder that
backups.allowed_path in the server's configuration names.`,
		Example: `  stagelag backup /backups/stagelag-$(date +%F).tar.zst`,
		Args:    backupName,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.config(cmd)
			if err != nil {
				return err
			}
			if err := checkOutside(cfg.Warehouse, args[0]); err != nil {
				return err
			}
			return withWarehouse(cmd.Context(), readOnly(cfg), func(ctx context.Context, w *warehouse.Warehouse) error {
				return a.backup(ctx, w, args[0])
			})
		},
	}
}

func newRestore(a *app) *cobra.Command {
	var replaces bool
	cmd := &cobra.Command{
		Use:   "restore FILE" + warehouse.BackupSuffix,
		Short: "Put a backup in the place of the warehouse",
		Long: `Puts a backup in the place of the warehouse, and brings its schema to this version. Nothing is lost
but what the runs since the backup have seen: the next run reads what has changed on the portal
meanwhile. Only who was responsible on the days between, and what the portal itself has lost
since, can't be known any more.

A warehouse with anything in it is replaced with --replace only. When the restore fails, it is as
it was. The backup can be one of a warehouse with another warehouse.database.`,
		Example: `  stagelag restore /backups/stagelag-2026-11-24.tar.zst
  stagelag restore --replace /backups/stagelag-2026-11-24.tar.zst`,
		Args: backupName,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.config(cmd)
			if err != nil {
				return err
			}
			// Looked for first: a warehouse is not made for a name that was mistyped.
			if cfg.Warehouse.URL.IsEmbedded() {
				if err := isBackup(args[0]); err != nil {
					return err
				}
			}
			return withWarehouse(cmd.Context(), warehouseConfig(cfg), func(ctx context.Context, w *warehouse.Warehouse) error {
				return a.restore(ctx, w, args[0], replaces)
			})
		},
	}
	cmd.Flags().BoolVar(&replaces, "replace", false, "replace what is in the warehouse")
	return cmd
}

// checkOutside refuses a backup in the folder of the embedded warehouse: it would be lost with what it is a backup of.
func checkOutside(at config.Warehouse, file string) error {
	absolute, err := filepath.Abs(file)
	if err != nil || !at.URL.IsEmbedded() {
		return err
	}
	below, err := filepath.Rel(string(at.Path), absolute)
	if err == nil && filepath.IsLocal(below) {
		return usagef("backup: %s is in the warehouse's folder, and would be lost with it: name a file in another folder", file)
	}
	return nil
}

// isBackup is whether there is a file that the program can read.
func isBackup(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("restore: %w", plain.NotRead(name, err))
	}
	return file.Close()
}

// backupName takes the name of a backup as the one argument.
func backupName(cmd *cobra.Command, args []string) error {
	if err := arguments(1, 1)(cmd, args); err != nil {
		return err
	}
	if !strings.HasSuffix(args[0], warehouse.BackupSuffix) {
		return usagef("%s%s: the name of a backup ends in %s, such as %s", about(cmd), args[0], warehouse.BackupSuffix, strings.TrimSuffix(args[0], filepath.Ext(args[0]))+warehouse.BackupSuffix)
	}
	return nil
}

// alone does something while nobody else has any of the leases.
func alone(ctx context.Context, w *warehouse.Warehouse, doing string, do func(context.Context) error, leases ...string) error {
	if len(leases) == 0 {
		return do(ctx)
	}
	lease, err := w.Lease(ctx, leases[0], doing)
	if err != nil {
		return err
	}
	defer lease.Release()
	err = alone(lease.Context(), w, doing, do, leases[1:]...)
	if cause := context.Cause(lease.Context()); cause != nil && remedy.WasCutOff(err) {
		return cause
	}
	return err
}

func (a *app) backup(ctx context.Context, w *warehouse.Warehouse, file string) error {
	a.progress.Step("back up")
	err := alone(ctx, w, "stagelag backup", func(ctx context.Context) error {
		if err := w.CheckWhole(ctx); err != nil {
			return err
		}
		return sql.Backup(ctx, w, file)
	}, sql.Lease, nightly.Lease)
	a.progress.Done()
	if err != nil {
		return err
	}
	return a.printf("Backed up to %s.\n", file)
}

func (a *app) restore(ctx context.Context, w *warehouse.Warehouse, file string, replaces bool) error {
	hasData, err := w.HasData(ctx)
	if err != nil {
		return err
	}
	isWhole := !errors.Is(w.CheckWhole(ctx), warehouse.ErrHalfRestored)
	if hasData && isWhole && !replaces {
		return errors.New("restore: the warehouse has data, which would be lost; --replace puts the backup in its place")
	}
	var published views.Published
	a.progress.Step("restore")
	err = alone(ctx, w, "stagelag restore", func(ctx context.Context) error {
		before, err := knownSoFar(ctx, w)
		if err != nil {
			return err
		}
		return w.Restore(ctx, file, sql.SchemaOf(w), func(ctx context.Context) (err error) {
			published, err = takeOver(ctx, w, a.now(), before)
			return err
		})
	}, nightly.Lease, writeback.Lease, letter.Lease)
	a.progress.Done()
	if err != nil {
		return err
	}
	if published.RunID == 0 {
		return a.printf("Restored from %s; no run was published in it.\n", file)
	}
	return a.printf("Restored from %s: run %d as of %s. The next run catches up.\n", file, published.RunID, published.AsOf)
}

// A known is what a restore must not undo: the people and deals that are forgotten in the warehouse that it replaces,
// and the letters that were sent out of it.
type known struct {
	forgotten loader.Forgotten
	letters   letter.Memory
}

// knownSoFar is what the warehouse knows that is replaced. A restore that was cut off has set that one aside.
func knownSoFar(ctx context.Context, w *warehouse.Warehouse) (k known, err error) {
	database := w.Names().Internal
	switch err := w.CheckWhole(ctx); {
	case errors.Is(err, warehouse.ErrHalfRestored):
		database = w.Names().Replaced
	case err != nil:
		return known{}, err
	}
	if k.forgotten, err = loader.ForgottenIn(ctx, w.DB(), database); err != nil {
		return known{}, err
	}
	k.letters, err = letter.Remember(ctx, w.DB(), database)
	return k, err
}

// takeOver makes a restored warehouse one of this program's, or says why it can't be. What was
// forgotten before is forgotten in it, as well as what was in the backup, and letters that were sent are not sent again.
func takeOver(ctx context.Context, w *warehouse.Warehouse, now time.Time, before known) (views.Published, error) {
	if err := up(ctx, w); err != nil {
		return views.Published{}, fmt.Errorf("restore: %w", err)
	}
	forgotten, err := loader.ReadForgotten(ctx, w.DB())
	if err != nil {
		return views.Published{}, fmt.Errorf("restore: %w", err)
	}
	forgotten.Add(before.forgotten)
	for _, manager := range slices.Sorted(maps.Keys(forgotten.Managers)) {
		if err := loader.KeepForgotten(ctx, w.DB(), manager, now); err != nil {
			return views.Published{}, fmt.Errorf("restore: %w", err)
		}
	}
	for _, deal := range slices.Sorted(maps.Keys(forgotten.Deals)) {
		if err := nightly.KeepForgottenDeal(ctx, w, deal, func() time.Time { return now }); err != nil {
			return views.Published{}, fmt.Errorf("restore: %w", err)
		}
	}
	if err := before.letters.Keep(ctx, w.DB()); err != nil {
		return views.Published{}, fmt.Errorf("restore: %w", err)
	}
	return views.In(w).Published(ctx)
}
