//go:build !race

// Not with the race detector: systray reads the version of its menu beside its lock
// (GetLayout, v1.12.2). build/test runs this without it.

package tray_test

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/fallow-network/fallow/relay"
	"github.com/fallow-network/fallow/relay/rules"
	"github.com/fallow-network/fallow/relay/tray"
)

// agent has real rules and a status made of them.
type agent struct{ rules *rules.Rules }

func (a agent) Rules() *rules.Rules { return a.rules }
func (a agent) Status() relay.Status {
	v := a.rules.Sharing(time.Now())
	return relay.Status{Sharing: v, Sentence: v.Sentence}
}

// host is the part of a desktop that shows trays.
type host struct{ registered chan dbus.Sender }

func (h host) RegisterStatusNotifierItem(sender dbus.Sender, _ string) *dbus.Error {
	select {
	case h.registered <- sender:
	default:
	}
	return nil
}

func sessionBus(t *testing.T) *dbus.Conn {
	t.Helper()
	daemon, err := exec.LookPath("dbus-daemon")
	if err != nil {
		t.Skip("NOT TESTED: the tray; there is no dbus-daemon here")
	}
	cmd := exec.CommandContext(t.Context(), daemon, "--session", "--nofork", "--print-address=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address := strings.TrimSpace(line)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", address)
	conn, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// node of the menu as the desktop gets it.
type layout struct {
	ID       int32
	Props    map[string]dbus.Variant
	Children []dbus.Variant
}

func TestNoTrayIsNoFailure(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	if err := tray.Run(t.Context(), slog.New(slog.DiscardHandler), nil, tray.Actions{}); !errors.Is(err, tray.ErrNone) {
		t.Errorf("no bus: %v", err)
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus")
	if err := tray.Run(t.Context(), slog.New(slog.DiscardHandler), nil, tray.Actions{}); !errors.Is(err, tray.ErrNone) {
		t.Errorf("a bus that is not there: %v", err)
	}
}

func TestTray(t *testing.T) {
	conn := sessionBus(t)
	if err := tray.Run(t.Context(), slog.New(slog.DiscardHandler), nil, tray.Actions{}); !errors.Is(err, tray.ErrNone) {
		t.Errorf("a bus without trays: %v", err)
	}
	desktop := host{make(chan dbus.Sender, 1)}
	const name = "org.kde.StatusNotifierWatcher"
	if err := conn.Export(desktop, "/StatusNotifierWatcher", name); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.RequestName(name, dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	r, err := rules.Open(t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Accept(rules.ConsentVersion()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var quit, opened atomic.Bool
	ended := make(chan error, 1)
	go func() {
		ended <- tray.Run(ctx, slog.New(slog.DiscardHandler), agent{r}, tray.Actions{
			Journal: func() error { opened.Store(true); return nil }, Quit: func() { quit.Store(true) },
		})
	}()
	var item dbus.Sender
	select {
	case item = <-desktop.registered:
	case <-time.After(20 * time.Second):
		t.Fatal("no icon came")
	}
	menu := conn.Object(string(item), "/StatusNotifierItem/menu")
	items := func() map[string]int32 {
		var revision uint32
		var root layout
		if err := menu.Call("com.canonical.dbusmenu.GetLayout", 0, int32(0), int32(-1), []string{}).Store(&revision, &root); err != nil {
			t.Fatal(err)
		}
		found := map[string]int32{}
		for _, child := range root.Children {
			var l layout
			if err := dbus.Store([]any{child.Value()}, &l); err != nil {
				t.Fatal(err)
			}
			if visible, ok := l.Props["visible"]; ok && visible.Value() == false {
				continue
			}
			if label, ok := l.Props["label"].Value().(string); ok && label != "" {
				found[label] = l.ID
			}
		}
		return found
	}
	await := func(what string, ok func(map[string]int32) bool) map[string]int32 {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			got := items()
			if ok(got) {
				return got
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: the menu has %v", what, got)
			}
		}
	}
	click := func(label string) { // the menu may be just being changed
		t.Helper()
		got := await(label, func(got map[string]int32) bool { _, ok := got[label]; return ok })
		id := got[label]
		if err := menu.Call("com.canonical.dbusmenu.Event", 0, id, "clicked", dbus.MakeVariant(0), uint32(0)).Err; err != nil {
			t.Fatal(err)
		}
	}
	has := func(label string) func(map[string]int32) bool {
		return func(got map[string]int32) bool {
			for l := range got {
				if strings.HasPrefix(l, label) {
					return true
				}
			}
			return false
		}
	}
	await("sharing", func(got map[string]int32) bool { return has("Sharing.")(got) && !has("Resume")(got) })
	click("Pause for 1 hour")
	await("paused", func(got map[string]int32) bool {
		return has("Not sharing because you paused it, until")(got) && has("Resume")(got) && !has("Pause for")(got)
	})
	if until := time.Until(r.Paused().Until); until < 50*time.Minute || until > time.Hour {
		t.Errorf("paused for %s", until)
	}
	click("Resume")
	await("resumed", has("Sharing."))
	click("Pause until tomorrow")
	await("paused", has("Not sharing"))
	if until := r.Paused().Until.Local(); until.Hour() != 0 || time.Until(until) > 25*time.Hour {
		t.Errorf("paused until %s", until)
	}
	click("Open the journal")
	click("Quit: stop sharing")
	for deadline := time.Now().Add(20 * time.Second); !opened.Load() || !quit.Load(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("journal opened: %t, quit: %t", opened.Load(), quit.Load())
		}
	}
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
	}
}
