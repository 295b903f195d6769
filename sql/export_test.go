package sql

import "stagelag/warehouse/access"

// ViewsHash is the fingerprint of the views' texts, in databases of the names that are the default.
func ViewsHash() (string, error) { return viewsHash(access.NamesOf(access.Default), false) }
