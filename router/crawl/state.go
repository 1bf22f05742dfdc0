package crawl

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// cacheBytes is Pebble's block cache, memTableBytes one of its write buffers.
const (
	cacheBytes    = 64 << 20
	memTableBytes = 16 << 20
)

// ErrLocked says that another process has the crawl state open.
var ErrLocked = errors.New("the crawl state is in use by another process")

func openState(log *slog.Logger, dir string) (*pebble.DB, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create crawl state: %w", err)
	}
	cache := pebble.NewCache(cacheBytes)
	defer cache.Unref()
	logger := pebbleLog{log.With("part", "pebble")}
	opts := &pebble.Options{
		Cache: cache, MemTableSize: memTableBytes, FormatMajorVersion: pebble.FormatNewest, Logger: logger,
		// Whoever commits next after a write that found no room would panic.
		FS: vfs.OnDiskFull(vfs.Default, func() { logger.Fatalf("no space left on the disk of %s", dir) }),
	}
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	db, err := pebble.Open(dir, opts)
	if errors.Is(err, syscall.EAGAIN) {
		return nil, fmt.Errorf("open crawl state %s: %w", dir, ErrLocked)
	}
	if err != nil {
		return nil, fmt.Errorf("open crawl state %s: %w", dir, err)
	}
	return db, nil
}

// pebbleLog passes on what an operator should see. A fatal message means that
// Pebble could not write what it had promised; carrying on could lose what was
// acknowledged, so the process ends and the next start recovers.
type pebbleLog struct{ log *slog.Logger }

func (pebbleLog) Infof(string, ...any) {}

func (l pebbleLog) Errorf(format string, args ...any) {
	l.log.Error("crawl state", "message", fmt.Sprintf(format, args...))
}

func (l pebbleLog) Fatalf(format string, args ...any) {
	l.log.Error("crawl state cannot be written: check the disk's space and health, then start again",
		"message", fmt.Sprintf(format, args...))
	os.Exit(1)
}
