package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// toolTime bounds each question to a tool of the system.
const toolTime = 20 * time.Second

// tool runs a program of the system and returns what it said on standard output.
func tool(ctx context.Context, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, toolTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = time.Second
	var said, complained strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &complained
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(complained.String()))
	}
	return strings.TrimSpace(said.String()), nil
}

// put writes a file of the service, and its folder if that is missing. A file that
// says the same already is left alone.
func put(path, text string) (changed bool, err error) {
	if old, err := os.ReadFile(path); err == nil && string(old) == text {
		return false, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return false, fmt.Errorf("make folder of the service: %w", err)
	}
	if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil {
		return false, fmt.Errorf("write service: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return false, fmt.Errorf("write service: %w", err)
	}
	return true, nil
}

// drop removes a file of the service and reports whether there was one.
func drop(path string) (removed bool, err error) {
	err = os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("remove service: %w", err)
	}
	return true, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
