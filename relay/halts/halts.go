// Package halts keeps what routers have stopped: the newest signed halt of each,
// in one file of the data directory, so that a stop outlives the agent. It says
// whether a lease falls under one.
//
// A halt counts only while its router is one the user has chosen, so nobody else
// can stop a node and a user always can end it. It opens no connection and cuts no
// tunnel; package relay does.
package halts

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fallow-network/fallow/relay/durable"
	"github.com/fallow-network/fallow/relay/rules"
	"github.com/fallow-network/fallow/relay/wire"
)

// FileName is the name of the file within a data directory.
const FileName = "halts.json"

const (
	version = 1
	// maxRouters bounds whose halts are kept: those chosen now and, for when they
	// are chosen again, some that were.
	maxRouters = 32
	maxFile    = 1 << 20 // bytes; maxRouters of the largest are half of it
)

// Errors of this package.
var (
	ErrFile   = errors.New("list of halts cannot be used")
	ErrRouter = errors.New("the halt is not of the router that sent it")
)

// Halts are the halts of one node. They are safe for concurrent use.
type Halts struct {
	path string
	now  func() time.Time

	mu     sync.Mutex
	newest map[wire.Key]*wire.Halt
	chosen []wire.Key // whose halts count
}

// Stop is one stop in force.
type Stop struct {
	Router wire.Key  `json:"router"`
	Since  time.Time `json:"since"` // of the halt it stands in
	wire.Stop
}

type file struct {
	Version int      `json:"version"`
	Halts   []signed `json:"halts"`
}

type signed struct {
	Halt      []byte `json:"halt"`
	Signature []byte `json:"signature"`
}

// Open reads the halts in dir; none if there is no file. The error wraps ErrFile
// when the file is not as it was written: then nothing may run, since a stop may
// stand in it.
func Open(dir string, now func() time.Time) (*Halts, error) {
	h := &Halts{path: filepath.Join(dir, FileName), now: now, newest: make(map[wire.Key]*wire.Halt)}
	text, err := durable.ReadFile(h.path, maxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return h, nil
	case err != nil && !errors.Is(err, durable.ErrLarge):
		return nil, fmt.Errorf("read halts: %w", err)
	case err == nil:
		err = h.load(text)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w; move it away, and the routers will say again what they have stopped", h.path, ErrFile, err)
	}
	return h, nil
}

func (h *Halts) load(text []byte) error {
	var f file
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&f); err != nil {
		return err
	}
	if f.Version != version || len(f.Halts) > maxRouters {
		return fmt.Errorf("version %d with %d halts", f.Version, len(f.Halts))
	}
	for _, s := range f.Halts {
		halt, err := wire.OpenHalt(s.Halt, s.Signature)
		if err != nil {
			return err
		}
		h.newest[halt.Router] = halt
	}
	return nil
}

// Choose says whose halts count from now on.
func (h *Halts) Choose(routers []wire.Key) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.chosen = slices.Clone(routers)
}

// Take takes a halt that router has sent and reports whether it is news. It is in
// force when Take returns, also if storing it failed, which the error then says.
// A halt older than the one held is no news and no error: the newest says
// everything. Other errors wrap ErrRouter, wire.ErrHaltMalformed or
// wire.ErrHaltSignature.
func (h *Halts) Take(router wire.Key, encoded, signature []byte) (news bool, err error) {
	halt, err := wire.OpenHalt(encoded, signature)
	if err != nil {
		return false, err
	}
	if halt.Router != router {
		return false, fmt.Errorf("%w: it is of %s", ErrRouter, halt.Router)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if held := h.newest[router]; held != nil && held.Sequence >= halt.Sequence {
		return false, nil
	}
	h.newest[router] = halt
	h.makeRoom(router)
	return true, h.store()
}

// makeRoom forgets routers that are not chosen, while there are too many.
func (h *Halts) makeRoom(but wire.Key) {
	for router := range h.newest {
		if len(h.newest) <= maxRouters {
			return
		}
		if router != but && !slices.Contains(h.chosen, router) {
			delete(h.newest, router)
		}
	}
}

func (h *Halts) store() error {
	f := file{Version: version}
	for _, router := range h.routers() {
		halt := h.newest[router]
		f.Halts = append(f.Halts, signed{halt.Encode(), halt.Signature})
	}
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("encode halts: %w", err)
	}
	if err := durable.WriteFile(h.path, append(text, '\n')); err != nil {
		return fmt.Errorf("store halts: %w", err)
	}
	return nil
}

func (h *Halts) routers() []wire.Key {
	return slices.SortedFunc(maps.Keys(h.newest), func(a, b wire.Key) int { return bytes.Compare(a[:], b[:]) })
}

// InForce lists what is stopped now.
func (h *Halts) InForce() []Stop {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []Stop
	for _, router := range h.routers() {
		if !slices.Contains(h.chosen, router) {
			continue
		}
		for _, s := range h.newest[router].Stops {
			all = append(all, Stop{router, h.newest[router].At, s})
		}
	}
	return all
}

// StoppedAll reports whether router has stopped everything. Only that router can
// lift it, so a node stays with it or seeks it.
func (h *Halts) StoppedAll(router wire.Key) bool {
	return slices.ContainsFunc(h.InForce(), func(s Stop) bool { return s.Router == router && s.Scope == wire.HaltAll })
}

// Verdict says whether anything may be carried for a router and, unless job is
// empty, for that job of it.
func (h *Halts) Verdict(router wire.Key, job string) rules.Verdict {
	for _, s := range h.InForce() {
		switch {
		case s.Scope == wire.HaltAll,
			s.Scope == wire.HaltRouter && s.Router == router,
			s.Scope == wire.HaltJob && s.Router == router && s.Job == job && job != "":
			return rules.Verdict{Reason: wire.Halted, Rule: rules.RuleHalt, Sentence: h.sentence(s)}
		}
	}
	return rules.Verdict{OK: true, Reason: wire.OK, Sentence: "Sharing."}
}

func (h *Halts) sentence(s Stop) string {
	what := map[wire.HaltScope]string{
		wire.HaltAll:    "has stopped all nodes",
		wire.HaltRouter: "has stopped its work",
		wire.HaltJob:    "has stopped job " + s.Job,
	}[s.Scope]
	at := s.Since.In(h.now().Location()).Format("15:04 on 2 January 2006")
	return fmt.Sprintf("Not sharing because router %.8s… %s at %s: %s. It goes on when the router lifts that.", s.Router, what, at, s.Reason)
}
