package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

func plist() (string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find your home folder: %w", err)
	}
	return filepath.Join(home, "Library", "LaunchAgents", Label+".plist"), nil
}

// domain is launchd's name for this user's log-in.
func domain() string { return fmt.Sprintf("gui/%d", os.Getuid()) }

func install(ctx context.Context, s Spec) (State, error) {
	path, err := plist()
	if err != nil {
		return State{}, err
	}
	changed, err := put(path, s.propertyList())
	if err != nil {
		return State{}, err
	}
	if changed && loaded(ctx) {
		if _, err := tool(ctx, "launchctl", "bootout", domain()+"/"+Label); err != nil {
			return State{}, err
		}
	}
	if !loaded(ctx) {
		if _, err := tool(ctx, "launchctl", "bootstrap", domain(), path); err != nil {
			return State{}, err
		}
	}
	return State{Method: LaunchAgent, Place: path, Installed: true, Running: loaded(ctx)}, nil
}

func loaded(ctx context.Context) bool {
	_, err := tool(ctx, "launchctl", "print", domain()+"/"+Label)
	return err == nil
}

func uninstall(ctx context.Context) ([]State, error) {
	path, err := plist()
	if err != nil {
		return nil, err
	}
	var errs []error
	if loaded(ctx) {
		_, err := tool(ctx, "launchctl", "bootout", domain()+"/"+Label)
		errs = append(errs, err)
	}
	gone, err := drop(path)
	errs = append(errs, err)
	if !gone {
		return nil, errors.Join(errs...)
	}
	return []State{{Method: LaunchAgent, Place: path}}, errors.Join(errs...)
}

func look(ctx context.Context) ([]State, error) {
	path, err := plist()
	if err != nil || !exists(path) {
		return nil, err
	}
	return []State{{Method: LaunchAgent, Place: path, Installed: true, Running: loaded(ctx)}}, nil
}
