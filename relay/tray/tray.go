// Package tray shows the agent in the desktop's tray: whether it shares and why not,
// and the few things one wants at hand. It is optional: where there is no desktop to
// show it, Run says so and the agent goes on.
//
// It decides nothing and keeps nothing. The command line starts it beside the agent.
package tray

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/fallow-network/fallow/relay"
	"github.com/fallow-network/fallow/relay/rules"
)

// ErrNone says that there is no tray to show anything in. The text after it says why.
var ErrNone = errors.New("no tray here")

// Agent is what the tray shows and changes. *relay.Node is one.
type Agent interface {
	Status() relay.Status
	Rules() *rules.Rules
}

// Actions are what the tray cannot do itself.
type Actions struct {
	Journal func() error // open the journal for reading
	Quit    func()       // stop the agent
}

// lookEvery is how often the state is looked at; changes of the rules show at once.
const lookEvery = 5 * time.Second

// look is what the tray shows at one moment.
type look struct {
	sentence string
	colour   colour
	paused   bool // by the user, so that it can be resumed
}

func lookAt(s relay.Status) look {
	l := look{sentence: s.Sentence, colour: amber, paused: s.Sharing.Rule == rules.RulePause}
	for _, r := range s.Routers {
		if r.Connected && s.Sharing.OK {
			l.colour = green
		}
	}
	if s.Sharing.Rule == rules.RuleConsent || s.Sharing.Rule == rules.RuleHalt {
		l.colour = red
	}
	return l
}

// menu is what the tray offers; show draws it.
type menu struct {
	log     *slog.Logger
	agent   Agent
	actions Actions
	now     func() time.Time
}

// The items, in the order of the menu, below the sentence.
const (
	itemHour     = "Pause for 1 hour"
	itemTomorrow = "Pause until tomorrow"
	itemResume   = "Resume"
	itemJournal  = "Open the journal"
	itemQuit     = "Quit: stop sharing"
)

// do carries out what was chosen.
func (m *menu) do(item string) {
	var err error
	now := m.now()
	switch item {
	case itemHour:
		err = m.agent.Rules().Pause(now.Add(time.Hour))
	case itemTomorrow:
		year, month, day := now.Date()
		err = m.agent.Rules().Pause(time.Date(year, month, day+1, 0, 0, 0, 0, now.Location()))
	case itemResume:
		err = m.agent.Rules().Resume()
	case itemJournal:
		err = m.actions.Journal()
	case itemQuit:
		m.actions.Quit()
	}
	if err != nil {
		m.log.Warn("what was chosen in the tray could not be done", "item", item, "err", err)
	}
}

// follow calls show for every look that differs from the last, until ctx is done.
func (m *menu) follow(ctx context.Context, show func(look)) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var last look
	for first := true; ; first = false {
		changed := m.agent.Rules().Changed()
		if l := lookAt(m.agent.Status()); first || l != last {
			show(l)
			last = l
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
