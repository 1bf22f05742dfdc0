package bench_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// process is another process under measurement.
type process struct {
	b     testing.TB
	cmd   *exec.Cmd
	name  string
	stdin io.WriteCloser
	out   *bufio.Reader
}

// start runs a copy of the test binary in a role and waits until it says that
// it is ready. The benchmark's end stops it.
func start(b testing.TB, roleName string, config, ready any) *process {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	encoded, err := json.Marshal(config)
	if err != nil {
		b.Fatal(err)
	}
	// Not ended with the benchmark's context: stop ends it in good order.
	cmd := exec.CommandContext(context.WithoutCancel(b.Context()), self)
	cmd.Env = append(os.Environ(), roleVar+"="+roleName, configVar+"="+string(encoded))
	p := launch(b, roleName, cmd)
	p.answer(ready)
	return p
}

// launch starts cmd with its standard input and output in our hands.
func launch(b testing.TB, name string, cmd *exec.Cmd) *process {
	b.Helper()
	p := &process{b: b, cmd: cmd, name: name}
	cmd.Stderr = os.Stderr
	var err error
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if err := cmd.Start(); err != nil {
		b.Fatalf("start %s: %v", name, err)
	}
	b.Cleanup(p.stop)
	return p
}

// ask sends a line and reads the answer.
func (p *process) ask(line string, answer any) {
	p.b.Helper()
	if _, err := fmt.Fprintln(p.stdin, line); err != nil {
		p.b.Fatalf("tell %s to %s: %v", p.name, line, err)
	}
	p.answer(answer)
}

func (p *process) answer(into any) {
	p.b.Helper()
	line, err := p.out.ReadBytes('\n')
	if err == nil && into != nil {
		err = json.Unmarshal(line, into)
	}
	if err != nil {
		p.b.Fatalf("read what %s says: %v (%q)", p.name, err, line)
	}
}

// stop ends the process in good order, or by force after a while. The second
// call does nothing.
func (p *process) stop() {
	if p.stdin == nil {
		return
	}
	_ = p.stdin.Close() // tells it to stop
	p.stdin = nil
	kill := time.AfterFunc(20*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer kill.Stop()
	if err := p.cmd.Wait(); err != nil {
		p.b.Errorf("%s ended: %v", p.name, err)
	}
}

// self stands for the process of the benchmark.
func self(b testing.TB) *process {
	return &process{b: b, cmd: &exec.Cmd{Process: &os.Process{Pid: os.Getpid()}}, name: "benchmark"}
}

// ticks is the unit of CPU time in /proc, the same on every Linux.
const ticks = 100

// cpu is the CPU time used so far, user and system, in seconds.
func (p *process) cpu() float64 {
	p.b.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		p.b.Fatal(err)
	}
	// The second field, a name in brackets, may hold anything.
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	user, err1 := strconv.ParseFloat(fields[11], 64)
	system, err2 := strconv.ParseFloat(fields[12], 64)
	if err1 != nil || err2 != nil {
		p.b.Fatalf("CPU time of %s: %v %v", p.name, err1, err2)
	}
	return (user + system) / ticks
}

// memory is what the process has of the machine's, in bytes: all of it, and the
// part that no file backs.
func (p *process) memory() (all, anonymous float64) {
	p.b.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.b.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[2] != "kB" {
			continue
		}
		kb, err := strconv.ParseFloat(fields[1], 64)
		if err != nil {
			p.b.Fatal(err)
		}
		switch fields[0] {
		case "VmRSS:":
			all = kb * 1024
		case "RssAnon:":
			anonymous = kb * 1024
		}
	}
	return all, anonymous
}

// stopwatch adds up the CPU time of processes.
type stopwatch struct {
	processes []*process
	began     float64
}

func watch(processes ...*process) *stopwatch {
	w := &stopwatch{processes: processes}
	w.began = w.now()
	return w
}

func (w *stopwatch) now() (sum float64) {
	for _, p := range w.processes {
		sum += p.cpu()
	}
	return sum
}

// seconds is the CPU time since watch, at least one tick.
func (w *stopwatch) seconds() float64 { return max(w.now()-w.began, 1.0/ticks) }
