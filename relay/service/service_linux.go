package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const unitName = Name + ".service"

// configHome is where the user's programs have their settings.
func configHome() (string, error) {
	if dir := os.Getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find the settings of your user: %w", err)
	}
	return filepath.Join(home, ".config"), nil
}

func places() (unit, entry string, err error) {
	dir, err := configHome()
	return filepath.Join(dir, "systemd", "user", unitName), filepath.Join(dir, "autostart", Name+".desktop"), err
}

// userManager reports whether this user has a systemd of their own that answers.
func userManager(ctx context.Context) bool {
	_, err := tool(ctx, "systemctl", "--user", "show-environment")
	return err == nil
}

func install(ctx context.Context, s Spec) (State, error) {
	unit, entry, err := places()
	if err != nil {
		return State{}, err
	}
	if !userManager(ctx) {
		if _, err := put(entry, s.desktopEntry()); err != nil {
			return State{}, err
		}
		return State{Method: Autostart, Place: entry, Installed: true,
			Note: "There is no systemd for your user, so the agent starts with your next log-in to the desktop, and is not started again if it fails. To start it now: fallow-node run"}, nil
	}
	if strings.ContainsAny(s.Program, `"'\`) {
		return State{}, fmt.Errorf("%w: systemd starts no program whose path has quotation marks or backslashes in it, as %s has; put it elsewhere", ErrSpec, s.Program)
	}
	if _, err := drop(entry); err != nil { // it would start a second one
		return State{}, err
	}
	changed, err := put(unit, s.unit())
	if err != nil {
		return State{}, err
	}
	if _, err := tool(ctx, "systemctl", "--user", "daemon-reload"); err != nil {
		return State{}, err
	}
	verb := "start"
	if changed {
		verb = "restart"
	}
	for _, args := range [][]string{{"enable", unitName}, {verb, unitName}} {
		if _, err := tool(ctx, "systemctl", append([]string{"--user"}, args...)...); err != nil {
			return State{}, err
		}
	}
	state := State{Method: Systemd, Place: unit, Installed: true, Running: running(ctx)}
	if linger, err := tool(ctx, "loginctl", "show-user", "--property=Linger", "--value", fmt.Sprint(os.Getuid())); err == nil && linger == "no" {
		state.Note = "The agent runs while you are logged in. To have it run from the start of the machine: loginctl enable-linger"
	}
	return state, nil
}

func running(ctx context.Context) bool {
	said, err := tool(ctx, "systemctl", "--user", "is-active", unitName)
	return err == nil && said == "active"
}

func uninstall(ctx context.Context) ([]State, error) {
	unit, entry, err := places()
	if err != nil {
		return nil, err
	}
	var removed []State
	var errs []error
	if exists(unit) {
		// Without a manager there is nothing to stop; the links it made go by hand.
		if userManager(ctx) {
			_, err := tool(ctx, "systemctl", "--user", "disable", "--now", unitName)
			errs = append(errs, err)
		}
		for _, path := range []string{unit, filepath.Join(filepath.Dir(unit), "default.target.wants", unitName)} {
			_, err := drop(path)
			errs = append(errs, err)
		}
		if userManager(ctx) {
			_, err := tool(ctx, "systemctl", "--user", "daemon-reload")
			errs = append(errs, err)
			_, _ = tool(ctx, "systemctl", "--user", "reset-failed", unitName) // fails when there is nothing to reset
		}
		removed = append(removed, State{Method: Systemd, Place: unit})
	}
	gone, err := drop(entry)
	errs = append(errs, err)
	if gone {
		removed = append(removed, State{Method: Autostart, Place: entry,
			Note: "An agent that this entry has started runs on until you stop it or log out."})
	}
	return removed, errors.Join(errs...)
}

func look(ctx context.Context) ([]State, error) {
	unit, entry, err := places()
	if err != nil {
		return nil, err
	}
	var all []State
	if exists(unit) {
		all = append(all, State{Method: Systemd, Place: unit, Installed: true, Running: running(ctx)})
	}
	if exists(entry) {
		all = append(all, State{Method: Autostart, Place: entry, Installed: true})
	}
	return all, nil
}
