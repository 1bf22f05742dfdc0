package tray

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/godbus/dbus/v5"
)

const watcher = "org.kde.StatusNotifierWatcher"

// probe looks whether this user has a session bus and on it something that shows
// trays. It starts neither.
func probe(ctx context.Context) error {
	if os.Getenv("DBUS_SESSION_BUS_ADDRESS") == "" {
		runtime := os.Getenv("XDG_RUNTIME_DIR")
		if _, err := os.Stat(filepath.Join(runtime, "bus")); runtime == "" || err != nil {
			return fmt.Errorf("%w: this user has no session bus", ErrNone)
		}
		if err := os.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+filepath.Join(runtime, "bus")); err != nil {
			return fmt.Errorf("%w: %w", ErrNone, err)
		}
	}
	conn, err := dbus.ConnectSessionBus()
	if err != nil {
		return fmt.Errorf("%w: the session bus does not answer: %w", ErrNone, err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	var owned bool
	err = conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0, watcher).Store(&owned)
	if err != nil || !owned {
		return fmt.Errorf("%w: nothing on the session bus shows trays", ErrNone)
	}
	return nil
}
