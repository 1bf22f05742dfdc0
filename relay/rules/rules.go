package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/fallow-network/fallow/relay/durable"
)

// FileName is the name of the file within a data directory.
const FileName = "rules.json"

const (
	fileVersion = 1
	maxFile     = 8 << 20 // bytes; two full lists of the longest names need 5 MB

	// What was carried is stored when this much has come or this long has
	// passed; a power cut forgets at most that.
	storeBytes = 64 << 20
	storeEvery = time.Minute
)

// Errors of Open. The file is left as it is.
var (
	ErrCorrupt = errors.New("rules file cannot be understood")
	ErrNewer   = errors.New("rules file was written by a newer version")
)

// Rules are the user's rules and their file. All methods are safe for
// concurrent use; only one process may have a directory's rules open.
type Rules struct {
	path string
	now  func() time.Time

	mu      sync.Mutex
	state   state
	changed chan struct{} // closed at the next change
	stored  time.Time
	pending uint64 // bytes carried that the file does not have yet
}

// state is the file. A field may be added freely if its zero value means what
// was before; anything else takes a new version and a migration.
type state struct {
	Version  int      `json:"version"`
	Consent  Consent  `json:"consent,omitzero"`
	Pause    Pause    `json:"pause,omitzero"`
	Settings Settings `json:"settings"`
	Usage    usage    `json:"usage,omitzero"`
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
		return r, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look at rules: %w", err)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s: %w: %d bytes", r.path, ErrCorrupt, info.Size())
	}
	text, err := os.ReadFile(r.path)
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	if r.state, err = parse(text); err != nil {
		return nil, fmt.Errorf("%s: %w; repair it, or move it away to start with the defaults and be asked for consent again", r.path, err)
	}
	return r, nil
}

func parse(text []byte) (state, error) {
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
	// A rule that is misspelt must not silently not be one.
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	s := state{Settings: DefaultSettings()}
	if err := d.Decode(&s); err != nil {
		return state{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	var err error
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

// Set replaces the user's choices, durably. On an error the old ones stand.
func (r *Rules) Set(s Settings) error {
	s, err := s.clone().normal()
	if err != nil {
		return fmt.Errorf("set rules: %w", err)
	}
	return r.change(func(st *state) { st.Settings = s })
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

// Changed is closed at the next change of consent, pause or settings. Take it
// before asking Allow, so that no change falls in between. That a pause runs
// out or a month begins is no change: Verdict.Until foretells it.
func (r *Rules) Changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

// change applies f once it is stored.
func (r *Rules) change(f func(*state)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
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
	next := r.state
	f(&next)
	r.apply(next)
	return r.store(next)
}

func (r *Rules) apply(next state) {
	r.state = next
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
	r.stored, r.pending = r.now(), 0
	return nil
}

// Close stores what was carried since the last time.
func (r *Rules) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pending == 0 {
		return nil
	}
	return r.store(r.state)
}
