package tray

import "context"

// probe: every session with a desktop has a tray.
func probe(context.Context) error { return nil }
