package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

const (
	runKey    = `Software\Microsoft\Windows\CurrentVersion\Run`
	runPlace  = `HKEY_CURRENT_USER\` + runKey + `\` + valueName
	valueName = "FallowNode"
)

func install(ctx context.Context, s Spec) (State, error) {
	key, _, err := registry.CreateKey(registry.CURRENT_USER, runKey, registry.SET_VALUE)
	if err != nil {
		return State{}, fmt.Errorf("open the Run key: %w", err)
	}
	defer key.Close()
	if err := key.SetStringValue(valueName, s.commandLine()); err != nil {
		return State{}, fmt.Errorf("write the Run key: %w", err)
	}
	// Start it now, without a window; with one running already it ends by itself.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), s.Program, s.args()...)
	cmd.SysProcAttr = &syscall.SysProcAttr{HideWindow: true, CreationFlags: windows.DETACHED_PROCESS | windows.CREATE_NEW_PROCESS_GROUP}
	if err := cmd.Start(); err != nil {
		return State{}, fmt.Errorf("start the agent: %w", err)
	}
	return State{Method: RunKey, Place: runPlace, Installed: true, Running: true}, cmd.Process.Release()
}

func uninstall(context.Context) ([]State, error) {
	key, err := registry.OpenKey(registry.CURRENT_USER, runKey, registry.SET_VALUE)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open the Run key: %w", err)
	}
	defer key.Close()
	err = key.DeleteValue(valueName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("write the Run key: %w", err)
	}
	return []State{{Method: RunKey, Place: runPlace, Note: "An agent that runs goes on until you stop it or log out."}}, nil
}

func look(context.Context) ([]State, error) {
	key, err := registry.OpenKey(registry.CURRENT_USER, runKey, registry.QUERY_VALUE)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open the Run key: %w", err)
	}
	defer key.Close()
	if _, _, err := key.GetStringValue(valueName); err != nil {
		return nil, nil //nolint:nilerr // there is none
	}
	return []State{{Method: RunKey, Place: runPlace, Installed: true}}, nil
}
