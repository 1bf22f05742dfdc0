package bridge

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

const (
	logName    = "agent.log" // what an agent that the window started has to say
	maxLog     = 1 << 20     // bytes; a longer one is put aside, once
	lastWords  = 512         // bytes of it that are shown
	startGrace = 15 * time.Second
)

// AgentProgram is where the agent's program is expected: beside the window's
// own, else on the PATH. Empty if there is none.
func AgentProgram() string {
	name := "fallow-node"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if own, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(own), name)
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
			return beside
		}
	}
	if found, err := exec.LookPath(name); err == nil {
		return found
	}
	return ""
}

// starter starts the agent as a process of its own that outlives the window.
type starter struct {
	dir     string
	program string

	mu      sync.Mutex
	started time.Time // the last start; zero once the agent has answered
	gone    error     // how the process that was started last ended
	running bool      // it has not ended
}

func (s *starter) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.program == "" {
		return errors.New("the agent's program, fallow-node, is missing: install Fallow again")
	}
	if s.running {
		return nil
	}
	out, err := s.openLog()
	if err != nil {
		return fmt.Errorf("start the agent: %w", err)
	}
	defer out.Close()
	cmd := exec.Command(s.program, "run", "--data", s.dir) //nolint:noctx // it is meant to outlive the window
	cmd.Stdout, cmd.Stderr = out, out
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the agent: %w", err)
	}
	s.started, s.gone, s.running = time.Now(), nil, true
	go s.wait(cmd)
	return nil
}

func (s *starter) wait(cmd *exec.Cmd) {
	err := cmd.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = false
	if err == nil {
		err = errors.New("it ended")
	}
	s.gone = err
}

// answered says that an agent runs, whoever started it.
func (s *starter) answered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started = time.Time{}
}

// state is how an agent is that does not answer, why, and what to do.
func (s *starter) state() (agent Agent, problem, fix string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.program == "":
		return Missing, "The agent's program, fallow-node, is not on this computer.", "Install Fallow again."
	case s.running && time.Since(s.started) < startGrace:
		return Starting, "", ""
	case s.gone != nil && !s.started.IsZero():
		return Stopped, "The agent ended as soon as it was started: " + s.words(), "Start it again. If it ends again, what it said above says why."
	case s.running:
		return Silent, "The agent was started and does not answer.", "Wait a moment, or end fallow-node and start it again."
	default:
		return Stopped, "No agent is running.", "Start it."
	}
}

// words is the last thing the agent said, without what only machines read.
func (s *starter) words() string {
	text, err := os.ReadFile(filepath.Join(s.dir, logName))
	if err != nil || len(text) == 0 {
		return s.gone.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	last := lines[len(lines)-1]
	if len(last) > lastWords {
		last = last[:lastWords] + "…"
	}
	return strings.ToValidUTF8(last, "�")
}

func (s *starter) openLog() (*os.File, error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(s.dir, logName)
	info, err := os.Stat(path)
	switch {
	case err == nil && info.Size() > maxLog:
		if err := os.Rename(path, path+".old"); err != nil {
			return nil, err
		}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}
