package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fallow-network/fallow/relay/durable"
	"github.com/fallow-network/fallow/relay/presence"
)

// FileName is the name of the file within a data directory.
const FileName = "rules.json"

// MaxFile bounds the file, and so the settings, in bytes; two full lists of the
// longest names need 5 MB.
const MaxFile = 8 << 20

const (
	fileVersion = 2

	// What was carried is stored when this much has come or this long has
	// passed; a power cut forgets at most that.
	storeBytes = 64 << 20
	storeEvery = time.Minute
)

// Errors of Open, which leaves the file as it is.
var (
	ErrCorrupt = errors.New("rules file cannot be understood")
	ErrNewer   = errors.New("rules file was written by a newer version")
)

// Errors of Replace. Nothing has changed.
var (
	ErrInvalid  = errors.New("set rules")
	ErrRevision = errors.New("the rules have been changed meanwhile")
)

// Rules are the user's rules and their file. All methods are safe for
// concurrent use; only one process may have a directory's rules open.
type Rules struct {
	path string
	now  func() time.Time

	fresh  atomic.Uint64 // bytes carried that the state does not have yet
	budget atomic.Uint64 // of fresh, before a cap is reached

	mu      sync.Mutex
	state   state
	seen    presence.Snapshot
	span    span          // what the schedule says about now
	changed chan struct{} // closed at the next change
	stored  time.Time
	pending uint64 // bytes carried that the file does not have yet
	urgent  bool   // and should have soon
}

// state is the file. A field may be added freely if its zero value means what
// was before; anything else takes a new version and a migration.
type state struct {
	Version int `json:"version"`
	// Revision counts the changes of Settings.
	Revision uint64   `json:"revision,omitempty"`
	Consent  Consent  `json:"consent,omitzero"`
	Pause    Pause    `json:"pause,omitzero"`
	Settings Settings `json:"settings"`
	Usage    usage    `json:"usage,omitzero"`
	// Met says that a first network has been put into Settings.Networks.
	Met bool `json:"met,omitempty"`
}

// Pause is the user's request not to share for a while.
type Pause struct {
	Since time.Time `json:"since,omitzero"` // zero when not paused
	Until time.Time `json:"until,omitzero"` // zero: until resumed
}

// Active reports whether the pause holds at now.
func (p Pause) Active(now time.Time) bool {
	return !p.Since.IsZero() && (p.Until.IsZero() || now.Before(p.Until))
}

// Open reads the rules in dir, or starts with the defaults and without consent
// when there are none yet. Errors wrap ErrCorrupt or ErrNewer, or come from the
// file system; nothing may run then.
func Open(dir string, now func() time.Time) (*Rules, error) {
	r := &Rules{
		path:    filepath.Join(dir, FileName),
		now:     now,
		state:   state{Version: fileVersion, Settings: DefaultSettings()},
		changed: make(chan struct{}),
		stored:  now(),
	}
	info, err := os.Stat(r.path)
	if errors.Is(err, fs.ErrNotExist) {
		r.fold(now())
		return r, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look at rules: %w", err)
	}
	if info.Size() > MaxFile {
		return nil, fmt.Errorf("%s: %w: %d bytes", r.path, ErrCorrupt, info.Size())
	}
	text, err := os.ReadFile(r.path)
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	if r.state, err = parse(text, now().Location()); err != nil {
		return nil, fmt.Errorf("%s: %w; repair it, or move it away to start with the defaults and be asked for consent again", r.path, err)
	}
	r.fold(now())
	return r, nil
}

// parse reads a file of this version or an earlier one, whose times were meant in
// zone.
func parse(text []byte, zone *time.Location) (state, error) {
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return state{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if head.Version > fileVersion {
		return state{}, fmt.Errorf("%w: its format is %d, this one knows %d", ErrNewer, head.Version, fileVersion)
	}
	if head.Version < 1 {
		return state{}, fmt.Errorf("%w: format %d", ErrCorrupt, head.Version)
	}
	s, err := decode(text, head.Version, zone)
	if err != nil {
		return state{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if s.Settings, err = s.Settings.normal(); err != nil {
		return state{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return s, nil
}

// Settings is a copy of the user's choices.
func (r *Rules) Settings() Settings {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.Settings.clone()
}

// Current is a copy of the user's choices and their number, which grows with
// every change.
func (r *Rules) Current() (revision uint64, s Settings) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.Revision, r.state.Settings.clone()
}

// Set replaces the user's choices, durably. On an error the old ones stand.
func (r *Rules) Set(s Settings) error {
	s, err := s.clone().normal()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return r.change(func(st *state) { st.set(s) })
}

// Replace is Set for who has read revision before: the error wraps ErrRevision
// if the settings have been changed since.
func (r *Rules) Replace(revision uint64, s Settings) error {
	s, err := s.clone().normal()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if revision != r.state.Revision {
		return fmt.Errorf("%w: these were made from revision %d, there is %d", ErrRevision, revision, r.state.Revision)
	}
	return r.changeLocked(func(st *state) { st.set(s) })
}

func (s *state) set(settings Settings) {
	s.Settings = settings
	s.Revision++
}

// Paused is the pause on record; it may have run out.
func (r *Rules) Paused() Pause {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.Pause
}

// Pause stops sharing until the given time, or until Resume if it is zero. From
// its return on, Allow refuses everything, also if storing it failed.
func (r *Rules) Pause(until time.Time) error {
	return r.restrict(func(s *state) { s.Pause = Pause{Since: r.now().UTC(), Until: until.UTC()} })
}

// Resume ends a pause, durably.
func (r *Rules) Resume() error {
	return r.change(func(s *state) { s.Pause = Pause{} })
}

// Changed is closed at the next change of consent, pause or settings, when a cap
// is reached, and when what the machine is doing makes a difference. Take it
// before asking Allow, so that no change falls in between. What the clock alone
// changes is no change: NextTurn foretells it.
func (r *Rules) Changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

// change applies f once it is stored.
func (r *Rules) change(f func(*state)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changeLocked(f)
}

func (r *Rules) changeLocked(f func(*state)) error {
	r.fold(r.now())
	next := r.state
	f(&next)
	if err := r.store(next); err != nil {
		return err
	}
	r.apply(next)
	return nil
}

// restrict applies f at once, since a user who says stop means it whatever the
// disk says, and then stores it.
func (r *Rules) restrict(f func(*state)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fold(r.now())
	next := r.state
	f(&next)
	r.apply(next)
	return r.store(next)
}

// apply is called with mu held.
func (r *Rules) apply(next state) {
	r.state = next
	r.span = span{}
	r.fold(r.now()) // the budget may be another
	r.wake()
}

// wake closes Changed; the caller holds mu.
func (r *Rules) wake() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// store is called with mu held.
func (r *Rules) store(s state) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode rules: %w", err)
	}
	if err := durable.WriteFile(r.path, append(text, '\n')); err != nil {
		return fmt.Errorf("store rules: %w", err)
	}
	r.stored, r.pending, r.urgent = r.now(), 0, false
	return nil
}

// Close stores what was carried since the last time.
func (r *Rules) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fold(r.now())
	if r.pending == 0 {
		return nil
	}
	return r.store(r.state)
}
