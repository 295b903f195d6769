package sql

import (
	"context"
	"io/fs"

	"stagelag/warehouse"
	"stagelag/warehouse/access"
)

// ViewsHash is the fingerprint of the views' texts, in databases of the names that are the default.
func ViewsHash() (string, error) { return viewsHash(access.NamesOf(access.Default), false) }

// UpWith brings the internal database of a warehouse up by other migrations.
func UpWith(ctx context.Context, w *warehouse.Warehouse, migrations fs.FS) error {
	return place{server: w, database: w.Names().Internal, files: migrations}.up(ctx)
}
