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
	dir, err := os.MkdirTemp("", "node") //nolint:usetesting // short enough for a socket
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
		{[]string{"run", "--router", "nonsense"}, 1, "not a router address"},
		{[]string{"run", "--router", address(t), "--dns", "127.0.0.1:53"}, 2, "--lab"},
		{[]string{"nonsense"}, 2, ""},
		{[]string{"status", "--nonsense"}, 2, "nonsense"},
		{[]string{"consent"}, 2, "consent --help"},
		{[]string{"consent", "accept"}, 2, "--yes"},
		{[]string{"journal", "--since", "nonsense"}, 2, "nonsense"},
		{[]string{"identity", "show"}, 1, "no identity"},
		{[]string{"pause", "--for", "-1h"}, 2, "--for"},
		{[]string{"rules"}, 2, "rules --help"},
		{[]string{"rules", "category"}, 2, "category --help"},
		{[]string{"rules", "set"}, 2, "nothing to set"},
		{[]string{"rules", "set", "--mbit", "0.1"}, 2, "0.1 Mbit/s"},
		{[]string{"rules", "set", "--daily-gb", "-1"}, 2, "--daily-gb"},
		{[]string{"rules", "set", "--reset-day", "31"}, 2, "reset day is 31"},
		{[]string{"rules", "schedule", "never"}, 2, "never"},
		{[]string{"rules", "deny"}, 2, "a site"},
		{[]string{"rules", "deny", "10.0.0.1"}, 2, "IP literal"},
		{[]string{"rules", "allow", "--remove", "a.example"}, 2, "not on the allow list"},
		{[]string{"rules", "category", "allow", "cats"}, 2, "no category"},
		{[]string{"rules", "network", "allow"}, 3, "running agent"},
		{[]string{"rules", "show", "more"}, 2, "more"},
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
		{[]string{"consent", "show"}, "You do not agree"},
		{[]string{"consent", "accept", "--yes"}, "You agreed"},
		{[]string{"pause", "--for", "1h"}, "you paused it"},
		{[]string{"resume"}, "No agent is running"},
		{[]string{"journal"}, "No entries."},
		{[]string{"journal", "--json"}, "[]"},
		{[]string{"rules", "set", "--mbit", "20", "--daily-gb", "0.5", "--pause-vpn=false"}, "Done."},
		{[]string{"rules", "set", "--monthly-gb", "100", "--reset-day", "15"}, "Done."},
		{[]string{"rules", "schedule", "mon-fri 22:00-07:00", "sat,sun 00:00-24:00"}, "Done."},
		{[]string{"rules", "deny", "*.B.example", "a.example"}, "Done."},
		{[]string{"rules", "deny", "--remove", "a.example"}, "Done."},
		{[]string{"rules", "category", "allow", "ads", "social"}, "Done."},
		{[]string{"rules", "category", "deny", "social"}, "Done."},
		{[]string{"rules", "category", "show", "ads"}, "  doubleclick.net\n"},
		{[]string{"rules", "show"}, "20 Mbit/s in each direction"},
		{[]string{"rules", "show"}, "0 B of 500.0 MB carried"},
		{[]string{"rules", "show"}, "0 B of 100.0 GB carried since day 15"},
		{[]string{"rules", "show"}, "mon-fri 22:00-07:00; sat,sun 00:00-24:00"},
		{[]string{"rules", "show"}, "through a VPN: shares\n"},
		{[]string{"rules", "show"}, "ads: allowed (Advertising networks"},
		{[]string{"rules", "show"}, "social: denied"},
		{[]string{"rules", "show"}, "Denied     b.example\n"},
		{[]string{"rules", "reset"}, "Done."},
		{[]string{"rules", "show"}, "always"},
		{[]string{"rules", "show", "--json"}, `"revision": 8`},
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
	if out, stderr, code := cli(t, "rules", "deny", "bad.example", "--data", dir); code != 0 || !strings.Contains(out, "Done.") {
		t.Errorf("rules: exit %d, %q %q", code, out, stderr)
	}
	if _, stderr, code := cli(t, "rules", "set", "--max-tunnels", "0", "--data", dir); code != 2 || !strings.Contains(stderr, "max tunnels") {
		t.Errorf("rules: exit %d, %q", code, stderr)
	}
	if out, _, _ := cli(t, "rules", "show", "--data", dir); !strings.Contains(out, "bad.example") || !strings.Contains(out, "(now: ") {
		t.Errorf("rules of a running agent: %q", out)
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
