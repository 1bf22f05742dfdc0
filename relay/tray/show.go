//go:build linux || windows

package tray

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"fyne.io/systray"
)

// shown is that there is one tray in a process: the library keeps it in globals.
var shown sync.Mutex

// Run shows the agent until ctx is done. The error wraps ErrNone if there is no tray
// to show it in.
func Run(ctx context.Context, log *slog.Logger, agent Agent, actions Actions) error {
	if err := probe(ctx); err != nil {
		return err
	}
	shown.Lock()
	defer shown.Unlock()
	m := &menu{log: log, agent: agent, actions: actions, now: time.Now}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var following sync.WaitGroup
	ready := func() {
		systray.SetTitle("Fallow")
		systray.SetTooltip("Fallow")
		systray.SetIcon(icon(amber))
		sentence := systray.AddMenuItem("Starting", "")
		sentence.Disable()
		systray.AddSeparator()
		items := make(map[string]*systray.MenuItem)
		for _, item := range []string{itemHour, itemTomorrow, itemResume, "", itemJournal, "", itemQuit} {
			if item == "" {
				systray.AddSeparator()
				continue
			}
			entry := systray.AddMenuItem(item, "")
			items[item] = entry
			following.Go(func() {
				for {
					select {
					case <-entry.ClickedCh:
						m.do(item)
					case <-ctx.Done():
						return
					}
				}
			})
		}
		following.Go(func() {
			m.follow(ctx, func(l look) {
				sentence.SetTitle(l.sentence)
				systray.SetTooltip("Fallow: " + l.sentence)
				systray.SetIcon(icon(l.colour))
				show(items[itemResume], l.paused)
				show(items[itemHour], !l.paused)
				show(items[itemTomorrow], !l.paused)
			})
		})
	}
	stop := context.AfterFunc(ctx, systray.Quit)
	defer stop()
	err := loop(ready)
	cancel()
	following.Wait()
	return err
}

// loop runs the library until Quit. It panics in there when the bus has gone between
// our look and its own, and an agent must not end for the sake of its icon.
func loop(ready func()) (err error) {
	runtime.LockOSThread() // the window that Windows sends clicks to is this thread's
	defer runtime.UnlockOSThread()
	defer func() {
		if broken := recover(); broken != nil {
			err = fmt.Errorf("%w: it broke: %v", ErrNone, broken)
		}
	}()
	systray.Run(ready, func() {})
	return nil
}

func show(item *systray.MenuItem, visible bool) {
	if visible {
		item.Show()
	} else {
		item.Hide()
	}
}
