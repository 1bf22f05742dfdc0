package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/fallow-network/fallow/relay"
	"github.com/fallow-network/fallow/relay/journal"
	"github.com/fallow-network/fallow/relay/tray"
)

// trayWish is what the user has said about the tray.
type trayWish int

const (
	trayIfThere trayWish = iota // nothing
	trayAsked                   // --tray
	trayNever                   // --tray=false
)

// showTray shows the agent in the tray, if there is one. An agent never ends for the
// lack of it.
func showTray(ctx context.Context, log *slog.Logger, dir string, node *relay.Node, quit func(), wish trayWish) error {
	err := tray.Run(ctx, log.With("part", "tray"), node, tray.Actions{
		Journal: func() error { return openJournal(ctx, dir, node) },
		Quit:    quit,
	})
	if errors.Is(err, tray.ErrNone) {
		if wish == trayAsked {
			log.Warn("no icon is shown", "why", err)
		}
		return nil
	}
	return err
}

// viewFile is the journal as it was when the tray was asked for it.
const viewFile = "journal-view.txt"

// viewEntries bounds what is shown; the rest is there with fallow-node journal.
const viewEntries = 1000

// openJournal writes the newest entries as text and has the desktop show them.
func openJournal(ctx context.Context, dir string, node *relay.Node) error {
	entries, err := node.Journal(journal.Filter{Since: time.Now().AddDate(0, 0, -7), Limit: viewEntries})
	if err != nil {
		return err
	}
	path := filepath.Join(dir, viewFile)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write journal for reading: %w", err)
	}
	w := bufio.NewWriter(f)
	fmt.Fprintf(w, "The newest %d connections of the last 7 days. All of them: fallow-node journal\n\n", len(entries))
	if err := errors.Join(printJournal(w, entries), w.Flush(), f.Close()); err != nil {
		return fmt.Errorf("write journal for reading: %w", err)
	}
	opener := []string{"xdg-open", path}
	if runtime.GOOS == "windows" {
		opener = []string{"rundll32", "url.dll,FileProtocolHandler", path}
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), opener[0], opener[1:]...)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("show journal: %w", err)
	}
	go func() { _ = cmd.Wait() }() // its exit says nothing
	return nil
}
