//go:build window

package main_test

import (
	"context"
	"errors"
	"fmt"
	"image"
	_ "image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/control"
)

// wait is for what a slow machine needs at most.
const wait = 90 * time.Second

// The shipped window with the shipped agent on a real screen: it opens, starts the
// agent, shows something, is not opened twice, and leaves the agent running. The
// screen and the session bus come from build/test.
func TestWindowOnAScreen(t *testing.T) {
	bin := os.Getenv("FALLOW_BIN")
	if bin == "" {
		t.Fatal("FALLOW_BIN is not set: run this with build/test, or set it to where fallow-desktop is")
	}
	dir, err := os.MkdirTemp("", "node") //nolint:usetesting // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	program := filepath.Join(bin, "fallow-desktop")
	first := exec.Command(program, "--data", dir) //nolint:noctx // ended below
	first.Stdout, first.Stderr = os.Stdout, os.Stderr
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- first.Wait() }()
	t.Cleanup(func() { _ = first.Process.Kill() })

	agent := control.NewClient(dir)
	var pid int
	await(t, "the agent answers", func() error {
		v, err := agent.Version(t.Context())
		pid = v.PID
		return err
	})
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	await(t, "the window is there", func() error { return tool(t, "xdotool", "search", "--onlyvisible", "--name", "^Fallow$") })
	await(t, "the page is drawn", func() error { return drawn(t) })

	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	second := exec.CommandContext(ctx, program, "--data", dir)
	_ = second.Run()
	if ctx.Err() != nil {
		t.Error("a second window stays open")
	}
	select {
	case err := <-ended:
		t.Fatalf("the first window ended: %v", err)
	default:
	}

	if err := first.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(wait):
		t.Fatal("the window does not close")
	}
	if v, err := agent.Version(t.Context()); err != nil || v.PID != pid {
		t.Errorf("after the window has closed: agent %+v, %v", v, err)
	}
}

func await(t *testing.T, what string, ready func() error) {
	t.Helper()
	deadline := time.Now().Add(wait)
	for {
		err := ready()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func tool(t *testing.T, name string, args ...string) error {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// drawn looks whether the screen shows text on paper and the green of a button,
// and keeps the picture where SHOTS says.
func drawn(t *testing.T) error {
	t.Helper()
	path := filepath.Join(t.TempDir(), "screen.png")
	if shots := os.Getenv("SHOTS"); shots != "" {
		path = filepath.Join(shots, "window.png")
	}
	if err := tool(t, "import", "-window", "root", path); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	picture, _, err := image.Decode(f)
	if err != nil {
		return err
	}
	green := 0
	for y := picture.Bounds().Min.Y; y < picture.Bounds().Max.Y; y++ {
		for x := picture.Bounds().Min.X; x < picture.Bounds().Max.X; x++ {
			r, g, b, _ := picture.At(x, y).RGBA()
			if r>>8 < 0x60 && g>>8 > 0x60 && b>>8 < 0x60 {
				green++
			}
		}
	}
	if green < 500 {
		return errors.New("nothing of the page is on the screen")
	}
	return nil
}
