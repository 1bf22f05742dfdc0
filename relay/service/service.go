// Package service has the agent start with the user's log-in, without privileges:
// a systemd user unit, or an entry of the desktop's autostart where there is no
// systemd for users; a LaunchAgent on macOS; a value of the Run key on Windows.
//
// It writes and removes these and asks the system to take note. It decides nothing
// about the agent, and touches no data directory. The command line imports it.
package service

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// Name is what the service is called wherever it has a name.
const Name = "fallow-node"

// Spec says what is to be started.
type Spec struct {
	Program string // absolute path of fallow-node
	Dir     string // absolute path of its data directory
	Tray    bool   // show the tray icon
}

// Method is a way of starting something at log-in.
type Method string

// The methods.
const (
	Systemd     Method = "systemd user unit"
	Autostart   Method = "desktop autostart entry"
	LaunchAgent Method = "LaunchAgent"
	RunKey      Method = "Run key of the registry"
)

// State is one method and what is there.
type State struct {
	Method Method `json:"method"`
	// Place is the file or the registry's value.
	Place     string `json:"place"`
	Installed bool   `json:"installed"`
	Running   bool   `json:"running"` // as far as the system tells
	// Note is something the user should know, one sentence, or "".
	Note string `json:"note,omitempty"`
}

// ErrSpec says that a path cannot stand in a service.
var ErrSpec = errors.New("service cannot be described")

func (s Spec) check() error {
	for _, path := range []string{s.Program, s.Dir} {
		switch {
		case !filepath.IsAbs(path):
			return fmt.Errorf("%w: %q is not an absolute path", ErrSpec, path)
		case strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == 0x7f }):
			return fmt.Errorf("%w: %q has control characters", ErrSpec, path)
		}
	}
	return nil
}

// args is the command line after the program.
func (s Spec) args() []string {
	args := []string{"run", "--data", s.Dir}
	if s.Tray {
		args = append(args, "--tray")
	}
	return args
}

// Install has the agent start at every log-in, and starts it now where the system
// can do that. Installed already, it is made to be as s says. Errors wrap ErrSpec or
// come from the system.
func Install(ctx context.Context, s Spec) (State, error) {
	if err := s.check(); err != nil {
		return State{}, err
	}
	return install(ctx, s)
}

// Uninstall undoes Install, whatever method it took, and stops what the service had
// started. Nothing there is no error; the answer says what was removed.
func Uninstall(ctx context.Context) ([]State, error) { return uninstall(ctx) }

// Look is what is installed.
func Look(ctx context.Context) ([]State, error) { return look(ctx) }
