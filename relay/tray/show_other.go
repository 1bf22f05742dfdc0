//go:build !linux && !windows

package tray

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
)

// Run is not there: on macOS a tray takes cgo, which this program does without.
func Run(context.Context, *slog.Logger, Agent, Actions) error {
	return fmt.Errorf("%w: this build has none for %s", ErrNone, runtime.GOOS)
}
