package main_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/fallow-network/fallow/relay/routerlist"
	"github.com/fallow-network/fallow/relay/uplink"
)

func TestRouters(t *testing.T) {
	dir := shortDir(t)
	a, b := address(t), address(t)
	router := func(args ...string) (string, string, int) {
		return cli(t, append(append([]string{"router"}, args...), "--data", dir)...)
	}
	for _, tt := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"list"}, 0, "router add ADDRESS"},
		{[]string{"list", "--json"}, 0, "[]"},
		{[]string{"add"}, 2, "/p2p/KEY"},
		{[]string{"add", "/ip4/127.0.0.1/tcp/1"}, 2, "no /p2p/KEY"},
		{[]string{"add", a}, 0, "Home "},
		{[]string{"add", a}, 2, "already"},
		{[]string{"add", b}, 0, "Failover "},
		{[]string{"add", "--home", b, "--json"}, 0, `"home": true`},
		{[]string{"remove", "stranger"}, 2, "no such router"},
		{[]string{"remove", a[strings.LastIndex(a, "/")+1:]}, 0, "Home "},
	} {
		out, stderr, code := router(tt.args...)
		if code != tt.code || !strings.Contains(out+stderr, tt.says) {
			t.Errorf("%v: exit %d, %q %q", tt.args, code, out, stderr)
		}
	}
	if list, err := routerlist.Load(dir); err != nil || len(list) != 1 || list[0] != b {
		t.Errorf("left: %v, %v", list, err)
	}
}

func TestRunTakesTheChosenRouters(t *testing.T) {
	dir := shortDir(t)
	chosen, given := address(t), address(t)
	if err := routerlist.Save(dir, []string{chosen}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		want string
		says bool
	}{{nil, chosen, false}, {[]string{"--router", given}, given, true}} {
		agent := exec.CommandContext(t.Context(), binary, append([]string{"run", "--data", dir}, tt.args...)...)
		var log strings.Builder
		agent.Stderr = &log
		if err := agent.Start(); err != nil {
			t.Fatal(err)
		}
		awaitStatus(t, dir, func(statusJSON) bool { return true })
		out, _, _ := cli(t, "status", "--json", "--data", dir)
		more, hint, _ := cli(t, "router", "list", "--data", dir)
		_, verifyErr, code := cli(t, "journal", "verify", "--data", dir)
		_ = agent.Process.Signal(syscall.SIGTERM)
		_ = agent.Wait()
		key := routerKey(t, tt.want)
		if !strings.Contains(out, key) || !strings.Contains(more, routerKey(t, chosen)) {
			t.Errorf("%v: status %s, list %s %s", tt.args, out, more, hint)
		}
		if says := strings.Contains(log.String(), "is not used"); says != tt.says {
			t.Errorf("%v: log %s", tt.args, log.String())
		}
		if code != 0 {
			t.Errorf("journal verify beside the agent: %s", verifyErr)
		}
	}
	writeFile(t, filepath.Join(dir, routerlist.FileName), "{")
	if _, stderr, code := cli(t, "run", "--data", dir); code != 1 || !strings.Contains(stderr, "cannot be used") {
		t.Errorf("a broken list: exit %d, %q", code, stderr)
	}
}

// routerKey is the key in an address, as status spells it.
func routerKey(t *testing.T, address string) string {
	t.Helper()
	routers, err := uplink.ParseRouters([]string{address})
	if err != nil {
		t.Fatal(err)
	}
	return routers[0].Key.String()
}

// An agent without a router says so, and takes the first one that is added.
func TestRunWaitsForARouter(t *testing.T) {
	dir := shortDir(t)
	agent := exec.CommandContext(t.Context(), binary, "run", "--data", dir)
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = agent.Process.Kill(); _ = agent.Wait() })
	awaitStatus(t, dir, func(s statusJSON) bool { return len(s.Routers) == 0 })
	if _, stderr, code := cli(t, "consent", "accept", "--yes", "--data", dir); code != 0 {
		t.Fatalf("consent: exit %d, %s", code, stderr)
	}
	awaitStatus(t, dir, func(s statusJSON) bool { return strings.Contains(s.Sentence, "router add") })
	if _, stderr, code := cli(t, "router", "add", address(t), "--data", dir); code != 0 {
		t.Fatalf("router add: exit %d, %s", code, stderr)
	}
	awaitStatus(t, dir, func(s statusJSON) bool { return len(s.Routers) == 1 })
}
