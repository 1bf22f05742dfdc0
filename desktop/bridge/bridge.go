// Package bridge is what the window's page may call, and all it may call: each
// exported method of Bridge is one binding. It speaks with the agent through its
// local control API and starts it when none runs; it decides nothing itself.
// Answers are the agent's own, as JSON. Nothing here listens on a network.
package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fallow-network/fallow/relay"
	"github.com/fallow-network/fallow/relay/control"
	"github.com/fallow-network/fallow/relay/earnings"
	"github.com/fallow-network/fallow/relay/journal"
)

// Bounds of what the page may ask for.
const (
	maxEntries = 2000 // of the journal, at once
	callTime   = 20 * time.Second
	doctorTime = 2 * time.Minute
)

// Bridge is bound to the page. Its methods may be called at the same time.
type Bridge struct {
	dir     string
	version string
	agent   *control.Client
	starter *starter
	dialogs Dialogs
}

// Dialogs asks the user for files; the window's own.
type Dialogs interface {
	// SaveFile is a path to write to, empty if the user thought better of it.
	SaveFile(title, name string) (string, error)
}

// New makes a bridge to the agent that has dir. program is the agent's own
// program, started when none answers; version is the window's.
func New(dir, program, version string, dialogs Dialogs) *Bridge {
	return &Bridge{
		dir: dir, version: version, dialogs: dialogs,
		agent: control.NewClient(dir), starter: &starter{dir: dir, program: program},
	}
}

// Agent says how the agent is.
type Agent string

// The states of the agent, from good to bad.
const (
	Running  Agent = "running"
	Starting Agent = "starting" // it was started a moment ago
	Stopped  Agent = "stopped"  // nobody answers; Start may help
	Missing  Agent = "missing"  // its program is not where it should be
	Silent   Agent = "silent"   // something answers, and not as an agent does
)

// State is what the window shows first.
type State struct {
	Agent   Agent         `json:"agent"`
	Problem string        `json:"problem,omitempty"` // what is wrong with the agent, for the user
	Fix     string        `json:"fix,omitempty"`     // what the user can do about it
	Status  *relay.Status `json:"status,omitempty"`  // of the running agent
	Version string        `json:"version"`           // of the window
}

// State never fails: that there is no agent is an answer.
func (b *Bridge) State() State {
	s := State{Version: b.version}
	ctx, cancel := b.context()
	defer cancel()
	status, err := b.agent.Status(ctx)
	switch {
	case err == nil:
		b.starter.answered()
		s.Agent, s.Status = Running, &status
	case !errors.Is(err, control.ErrNotRunning):
		s.Agent, s.Problem = Silent, err.Error()
		s.Fix = "Wait a moment. If it stays like this, end fallow-node and start it again from here."
	default:
		s.Agent, s.Problem, s.Fix = b.starter.state()
	}
	return s
}

// Start starts the agent unless it runs. It goes on when the window is closed.
func (b *Bridge) Start() error {
	ctx, cancel := b.context()
	defer cancel()
	if _, err := b.agent.Status(ctx); err == nil {
		return nil
	}
	return b.starter.start()
}

// Pause stops sharing until a moment (RFC 3339), or until Resume if it is empty.
func (b *Bridge) Pause(until string) (relay.Status, error) {
	var at time.Time
	if until != "" {
		var err error
		if at, err = time.Parse(time.RFC3339, until); err != nil {
			return relay.Status{}, fmt.Errorf("pause until %q: not a time", until)
		}
	}
	ctx, cancel := b.context()
	defer cancel()
	return b.agent.Pause(ctx, at)
}

// Resume ends a pause.
func (b *Bridge) Resume() (relay.Status, error) {
	ctx, cancel := b.context()
	defer cancel()
	return b.agent.Resume(ctx)
}

// Consent is the text to agree to and what is on record.
func (b *Bridge) Consent() (control.Consent, error) {
	ctx, cancel := b.context()
	defer cancel()
	return b.agent.Consent(ctx)
}

// Accept records agreement to the text of the given version.
func (b *Bridge) Accept(version string) (control.Consent, error) {
	ctx, cancel := b.context()
	defer cancel()
	return b.agent.Accept(ctx, version)
}

// Withdraw takes the agreement back. All traffic ends at once.
func (b *Bridge) Withdraw() (control.Consent, error) {
	ctx, cancel := b.context()
	defer cancel()
	return b.agent.Withdraw(ctx)
}

// Journal is the newest entries, oldest of them first: at most limit, of site
// and what lies under it if one is given, at or after since (RFC 3339) if given.
func (b *Bridge) Journal(site, since string, limit int) ([]journal.Entry, error) {
	f := journal.Filter{Site: site, Limit: min(max(limit, 1), maxEntries)}
	if since != "" {
		at, err := time.Parse(time.RFC3339, since)
		if err != nil {
			return nil, fmt.Errorf("journal since %q: not a time", since)
		}
		f.Since = at
	}
	ctx, cancel := b.context()
	defer cancel()
	return b.agent.Journal(ctx, f)
}

// Earnings is what routers say the node earned, held against its own counts.
// Statements that are not here yet are fetched first, which takes some seconds at
// most.
func (b *Bridge) Earnings() (earnings.Report, error) {
	ctx, cancel := b.context()
	defer cancel()
	return b.agent.Earnings(ctx, 0)
}

func (b *Bridge) context() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), callTime)
}
