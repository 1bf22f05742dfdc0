// Package svm runs the real Solana runtime on this machine, for tests and the
// demo: LiteSVM in a Node process, behind a small JSON-RPC front of our own that
// adds what it has not got (blocks, a blockhash window, commitment levels, forks)
// and the faults a test arms.
//
// It needs Node 20 and one npm package, which Install fetches once a machine. No
// router that serves uses it.
package svm

import (
	"bufio"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

//go:embed front
var front embed.FS

// Runtime is a running front. It serves any number of worlds.
type Runtime struct {
	url   string
	cmd   *exec.Cmd
	stdin io.Closer
	dir   string
}

// Errors that say what is missing on this machine.
var (
	ErrNoNode    = errors.New("Node 20 is not here: install nodejs and npm, or run build/setup node")
	ErrNoRuntime = errors.New("the npm package litesvm is not here: fetch it once with build/setup litesvm")
)

const (
	startWithin   = 30 * time.Second
	installWithin = 3 * time.Minute
	version       = "1.5.0" // of litesvm; front/package.json has it too
)

// home is where the package is installed, for all checkouts of this user.
func home() (string, error) {
	if dir := os.Getenv("FALLOW_LITESVM"); dir != "" {
		return dir, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a place for litesvm: %w; name one with FALLOW_LITESVM", err)
	}
	return filepath.Join(cache, "fallow", "litesvm-"+version), nil
}

// Installed is nil if everything is here that Start needs.
func Installed() error {
	if _, err := exec.LookPath("node"); err != nil {
		return ErrNoNode
	}
	dir, err := home()
	if err != nil {
		return err
	}
	found, err := filepath.Glob(filepath.Join(dir, "node_modules", "litesvm-*", "*.node"))
	if err == nil && len(found) == 0 {
		err = ErrNoRuntime
	}
	return err
}

// Install fetches the package with npm if it is not here yet. Several processes
// may do so at once: each installs aside, and one takes the place.
func Install(ctx context.Context) error {
	if err := Installed(); !errors.Is(err, ErrNoRuntime) {
		return err
	}
	dir, err := home()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("make a place for litesvm: %w", err)
	}
	aside, err := os.MkdirTemp(filepath.Dir(dir), ".litesvm-*")
	if err != nil {
		return fmt.Errorf("make a place for litesvm: %w", err)
	}
	defer os.RemoveAll(aside)
	if err := unpack(aside); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, installWithin)
	defer cancel()
	install := exec.CommandContext(ctx, "npm", "install", "--no-audit", "--no-fund", "--loglevel=error")
	install.Dir = aside
	if out, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("npm install litesvm: %w\n%s", err, out)
	}
	if err := os.Rename(aside, dir); err != nil && Installed() != nil {
		return fmt.Errorf("put litesvm into place: %w", err)
	}
	return Installed()
}

// unpack writes the front's files to dir.
func unpack(dir string) error {
	entries, err := front.ReadDir("front")
	if err != nil {
		return err
	}
	for _, e := range entries {
		raw, err := front.ReadFile("front/" + e.Name())
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, e.Name()), raw, 0o644); err != nil {
			return fmt.Errorf("write the chain's front: %w", err)
		}
	}
	return nil
}

// Start runs a front until Close, or until this process ends, however it ends.
func Start(ctx context.Context) (*Runtime, error) {
	if err := Installed(); err != nil {
		return nil, err
	}
	installed, err := home()
	if err != nil {
		return nil, err
	}
	r := &Runtime{}
	if r.dir, err = os.MkdirTemp("", "fallow-chain-*"); err != nil {
		return nil, err
	}
	if err := r.start(ctx, installed); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Runtime) start(ctx context.Context, installed string) error {
	if err := unpack(r.dir); err != nil {
		return err
	}
	if err := os.Symlink(filepath.Join(installed, "node_modules"), filepath.Join(r.dir, "node_modules")); err != nil {
		return fmt.Errorf("point the chain's front at litesvm: %w", err)
	}
	var said strings.Builder
	r.cmd = exec.Command("node", filepath.Join(r.dir, "front.mjs")) //nolint:noctx // it ends with its standard input
	r.cmd.Stderr = &said
	stdin, err := r.cmd.StdinPipe()
	if err != nil {
		return err
	}
	r.stdin = stdin
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := r.cmd.Start(); err != nil {
		r.cmd = nil
		return fmt.Errorf("start node: %w", err)
	}
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(stdout).ReadString('\n') // nothing means that it has ended
		line <- strings.TrimSpace(text)
		_, _ = io.Copy(io.Discard, stdout)
	}()
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	select {
	case r.url = <-line:
	case <-ctx.Done():
	}
	if r.url == "" {
		_ = r.cmd.Process.Kill()
		_ = r.cmd.Wait()
		r.cmd = nil
		return fmt.Errorf("the chain's front did not start: %s", strings.TrimSpace(said.String()))
	}
	return nil
}

// Close ends the front and everything in it.
func (r *Runtime) Close() error {
	if r.stdin != nil {
		_ = r.stdin.Close()
	}
	if r.cmd != nil {
		_ = r.cmd.Wait()
	}
	return os.RemoveAll(r.dir)
}
