// Package control is the running agent's local interface: HTTP with JSON over a
// unix socket in the data directory that only its owner can open, and the client
// for it. The command line, the tray and the window all speak through the
// client.
//
// It exposes what a user may see and change and nothing a router could reach:
// there is no network listener. Paths begin with /v1; errors are RFC 9457. API.md has a line on each path.
package control

import (
	"context"
	"path/filepath"
	"slices"
	"time"

	"github.com/fallow-network/fallow/relay"
	"github.com/fallow-network/fallow/relay/earnings"
	"github.com/fallow-network/fallow/relay/journal"
	"github.com/fallow-network/fallow/relay/payout"
	"github.com/fallow-network/fallow/relay/presence"
	"github.com/fallow-network/fallow/relay/rules"
)

// SocketName is the name of the socket within a data directory.
const SocketName = "agent.sock"

// SocketPath is the socket of the agent that has dir.
func SocketPath(dir string) string { return filepath.Join(dir, SocketName) }

// Bounds of the interface.
const (
	maxRequestBody  = 4 << 10 // bytes, but for rules
	maxRoutersBody  = 64 << 10
	maxRequestHead  = 8 << 10 // bytes
	maxResponseBody = 64 << 20
	maxClients      = 32 // connections at once
	requestTime     = 30 * time.Second
)

// Agent is what the interface shows of a node. *relay.Node is one.
type Agent interface {
	Status() relay.Status
	Journal(journal.Filter) ([]journal.Entry, error)
	Rules() *rules.Rules
	Earnings(ctx context.Context, epoch uint64) earnings.Report
	Payout() payout.Address
	SetPayout(payout.Address) error
	Routers() []string
	SetRouters([]string) error
}

var _ Agent = (*relay.Node)(nil)

// Consent is the text a user is asked to agree to and whether they have.
type Consent struct {
	Version string        `json:"version"` // of the text
	Text    string        `json:"text"`    // Markdown
	Given   bool          `json:"given"`   // for this very text
	Record  rules.Consent `json:"record,omitzero"`
}

// ConsentOf is the current text and what r has on record.
func ConsentOf(r *rules.Rules) Consent {
	record := r.Consent()
	return Consent{Version: rules.ConsentVersion(), Text: rules.ConsentText(), Given: record.Given(), Record: record}
}

// Rules are the user's rules and what they come to at the moment.
type Rules struct {
	// Revision is the number of these settings; a change names the one it was
	// made from.
	Revision   uint64            `json:"revision"`
	Settings   rules.Settings    `json:"settings"`
	Categories []Category        `json:"categories"`
	Sharing    rules.Verdict     `json:"sharing"`
	Used       rules.Usage       `json:"used"`
	Seen       presence.Snapshot `json:"seen,omitzero"` // empty without a running agent
}

// Category is a kind of site and whether the user allows it.
type Category struct {
	rules.Category
	Allowed bool `json:"allowed"`
}

// RulesOf is what there is to show of r at now.
func RulesOf(r *rules.Rules, now time.Time) Rules {
	revision, settings := r.Current()
	shown := Rules{
		Revision: revision, Settings: settings,
		Sharing: r.Sharing(now), Used: r.Used(now), Seen: r.Seen(),
	}
	for _, c := range rules.Categories() {
		shown.Categories = append(shown.Categories, Category{c, slices.Contains(settings.Categories, c.Name)})
	}
	return shown
}

// APIVersion is the number in the paths. Within it fields and paths are only added.
const APIVersion = 1

// Version says who answers.
type Version struct {
	API      int    `json:"api"`      // APIVersion of the agent
	Agent    string `json:"agent"`    // release
	Platform string `json:"platform"` // "linux/amd64"
	PID      int    `json:"pid"`
}

// Routers are the addresses of the routers, home first.
type Routers struct {
	Routers []string `json:"routers"`
}

// The bodies of requests and answers.
type (
	pauseRequest struct {
		Until time.Time `json:"until,omitzero"` // zero: until resumed
	}
	consentRequest struct {
		Version string `json:"version"` // the text that was shown
	}
	rulesRequest struct {
		Revision uint64         `json:"revision"` // the settings were made from
		Settings rules.Settings `json:"settings"` // what is left out takes its default
	}
	journalAnswer struct {
		Entries []journal.Entry `json:"entries"` // oldest first
	}
	problem struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail,omitempty"`
	}
)
