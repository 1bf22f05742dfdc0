package main_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// binary is built once for all tests.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "fallow-node")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "fallow-node")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// cli runs the binary and returns standard output, standard error and exit code.
func cli(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "node")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestExitCodes(t *testing.T) {
	dir := shortDir(t)
	tests := []struct {
		args []string
		code int
		says string
	}{
		{[]string{"status"}, 3, "no agent is running"},
		{[]string{"run"}, 2, "--router"},
		{[]string{"run", "--router", "nonsense"}, 1, "not a router address"},
		{[]string{"run", "--router", address(t), "--dns", "127.0.0.1:53"}, 2, "--lab"},
		{[]string{"nonsense"}, 2, ""},
		{[]string{"status", "--nonsense"}, 2, "nonsense"},
		{[]string{"consent"}, 2, "consent --help"},
		{[]string{"consent", "accept"}, 2, "--yes"},
		{[]string{"journal", "--since", "nonsense"}, 2, "nonsense"},
		{[]string{"identity", "show"}, 1, "no identity"},
		{[]string{"pause", "--for", "-1h"}, 2, "--for"},
	}
	for _, tt := range tests {
		_, stderr, code := cli(t, append(tt.args, "--data", dir)...)
		if code != tt.code || !strings.Contains(stderr, tt.says) {
			t.Errorf("%v: exit %d, says %q; want %d and %q", tt.args, code, stderr, tt.code, tt.says)
		}
	}
}

func TestStoppedAgent(t *testing.T) {
	dir := shortDir(t)
	for _, step := range []struct {
		args []string
		want string
	}{
		{[]string{"consent", "show"}, "You have not agreed"},
		{[]string{"consent", "accept", "--yes"}, "You agreed"},
		{[]string{"pause", "--for", "1h"}, "you paused it"},
		{[]string{"resume"}, "No agent is running"},
		{[]string{"journal"}, "No entries."},
		{[]string{"journal", "--json"}, "[]"},
		{[]string{"consent", "withdraw", "--json"}, `"given": false`},
	} {
		out, stderr, code := cli(t, append(step.args, "--data", dir)...)
		if code != 0 || !strings.Contains(out, step.want) {
			t.Errorf("%v: exit %d, %q %q; want %q", step.args, code, out, stderr, step.want)
		}
	}
}

func TestRunningAgent(t *testing.T) {
	dir := shortDir(t)
	agent := exec.CommandContext(t.Context(), binary, "run", "--router", address(t), "--data", dir, "--json")
	var log bytes.Buffer
	agent.Stderr = &log
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- agent.Wait() }()
	t.Cleanup(func() { _ = agent.Process.Kill() })

	status := awaitStatus(t, dir, func(s statusJSON) bool { return true })
	if status.Sharing.Reason != "no_consent" || !strings.Contains(status.Sentence, "consent") {
		t.Errorf("status: %+v", status)
	}
	if _, stderr, code := cli(t, "run", "--router", address(t), "--data", dir); code != 4 {
		t.Errorf("a second agent: exit %d, %s", code, stderr)
	}
	if _, _, code := cli(t, "consent", "accept", "--yes", "--data", dir); code != 0 {
		t.Errorf("consent: exit %d", code)
	}
	status = awaitStatus(t, dir, func(s statusJSON) bool { return s.Routers[0].Problem != "" })
	if !strings.Contains(status.Sentence, "does not answer") || !strings.Contains(status.Sentence, "Trying again at") {
		t.Errorf("no router there: %q", status.Sentence)
	}
	out, _, _ := cli(t, "identity", "show", "--data", dir)
	if !strings.Contains(out, status.Node) {
		t.Errorf("identity %q, node %q", out, status.Node)
	}
	out, _, _ = cli(t, "pause", "--data", dir)
	if !strings.Contains(out, "until you resume") {
		t.Errorf("pause: %q", out)
	}
	if err := agent.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("stopped with %v\n%s", err, log.String())
		}
	case <-time.After(10 * time.Second):
		t.Fatal("does not stop")
	}
	for line := range strings.Lines(log.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("log line is not JSON: %s", line)
		}
	}
}

type statusJSON struct {
	Node     string `json:"node"`
	Sentence string `json:"sentence"`
	Sharing  struct {
		Reason string `json:"reason"`
	} `json:"sharing"`
	Routers []struct {
		Problem string `json:"problem"`
	} `json:"routers"`
}

func awaitStatus(t *testing.T, dir string, ok func(statusJSON) bool) statusJSON {
	t.Helper()
	for range 100 {
		out, _, code := cli(t, "status", "--json", "--data", dir)
		var s statusJSON
		if code == 0 {
			if err := json.Unmarshal([]byte(out), &s); err != nil {
				t.Fatal(err)
			}
			if ok(s) {
				return s
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("no such status")
	panic("unreachable")
}

// address is a router that is not there.
func address(t *testing.T) string {
	t.Helper()
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return "/ip4/127.0.0.1/tcp/1/p2p/" + wire.Key(public).PeerID().String()
}
