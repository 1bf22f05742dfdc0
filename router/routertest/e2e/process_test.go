//go:build e2e

package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a program under test that runs.
type process struct {
	t    testing.TB
	name string
	cmd  *exec.Cmd
	said *transcript
	done chan struct{} // closed when it has ended
}

// transcript is what a process wrote, both streams together, in memory and in a
// file that is kept when the test fails.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
	file *os.File
}

func (w *transcript) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(p)
	return w.file.Write(p)
}

func (w *transcript) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// start runs a program until the end of the test at the latest. Its output goes
// to log too, which is appended to.
func start(t testing.TB, log string, env []string, program string, args ...string) *process {
	t.Helper()
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{
		t: t, name: strings.TrimSuffix(filepath.Base(log), ".log"),
		cmd:  exec.Command(filepath.Join(bin, program), args...),
		said: &transcript{file: file}, done: make(chan struct{}),
	}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.said, p.said
	p.cmd.WaitDelay = time.Second
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", p.name, err)
	}
	go func() {
		_ = p.cmd.Wait() // the tests look at its exit code
		_ = file.Close()
		close(p.done)
	}()
	t.Cleanup(p.kill)
	return p
}

// kill is kill -9; it returns when the process is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // gone already is as good
	<-p.done
}

// signal sends s and waits for the end; it returns the exit code.
func (p *process) signal(s os.Signal, patience time.Duration) int {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("signal %s: %v", p.name, err)
	}
	return p.await(patience)
}

// await waits for the process to end by itself and returns its exit code.
func (p *process) await(patience time.Duration) int {
	p.t.Helper()
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		// What it was doing is worth more than its log.
		_ = p.cmd.Process.Signal(syscall.SIGQUIT)
		<-p.done
		p.t.Fatalf("%s did not end within %s:\n%s", p.name, patience, p.said)
		return 0
	}
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// hears waits until the process has written text.
func (p *process) hears(text string, patience time.Duration) {
	p.t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(p.said.String(), text); {
		if p.ended() && !strings.Contains(p.said.String(), text) {
			p.t.Fatalf("%s ended with exit code %d and never said %q:\n%s", p.name, p.cmd.ProcessState.ExitCode(), text, p.said)
		}
		if time.Now().After(end) {
			p.t.Fatalf("%s has not said %q within %s:\n%s", p.name, text, patience, p.said)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// answer is what a command that ended by itself came to.
type answer struct {
	stdout, stderr string
	code           int
}

// run runs a command that ends by itself, within two minutes.
func run(t testing.TB, program string, args ...string) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, filepath.Join(bin, program), args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s %s: %v", program, strings.Join(args, " "), err)
	}
	return answer{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// expect wants an exit code and texts among what a command said.
func (a answer) expect(t testing.TB, what string, code int, says ...string) {
	t.Helper()
	if a.code != code {
		t.Errorf("%s: exit code %d, want %d\n%s%s", what, a.code, code, a.stdout, a.stderr)
	}
	expectText(t, what, a.stdout+a.stderr, says...)
}

func expectText(t testing.TB, what, text string, says ...string) {
	t.Helper()
	for _, want := range says {
		if !strings.Contains(text, want) {
			t.Errorf("%s: does not say %q:\n%s", what, want, text)
		}
	}
}
