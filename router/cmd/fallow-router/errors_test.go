package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/store"
)

// Every mistake and every state of the router has its exit code and says what
// to do next.
func TestMistakes(t *testing.T) {
	clearEnvironment(t)
	refusing := answers{
		"POST /api/v1/jobs":            `{"title":"Bad Request","status":400,"code":"invalid","detail":"invalid job: dataset is missing: give it a name such as go-docs"}`,
		"GET /api/v1/jobs/j-x":         `{"title":"Not Found","status":404,"code":"not_found","detail":"there is no job j-x"}`,
		"POST /api/v1/jobs/j-x/cancel": `{"title":"Conflict","status":409,"code":"conflict","detail":"j-x is done"}`,
		"GET /api/v1/nodes?limit=100":  `{"title":"Internal Server Error","status":500,"code":"internal","detail":"internal error; the router's log says more"}`,
	}.serve(t)
	dir := t.TempDir()
	stale := filepath.Join(dir, "stale")
	if err := os.MkdirAll(stale, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(stale, addressesFile), []byte(`{"node":[],"api":"http://127.0.0.1:1"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"job", "add", "--purpose", "x", "https://a.example/", "--api", refusing}, exitUsage, "dataset is missing"},
		{[]string{"job", "add", "--dataset", "d", "--purpose", "x", "--api", refusing}, exitUsage, "at least one URL"},
		{[]string{"job", "add", "--seeds", "/nowhere", "--api", refusing}, exitUsage, "no such file"},
		{[]string{"job", "show", "j-x", "--api", refusing}, exitFailed, "fallow-router job list"},
		{[]string{"job", "show", "--api", refusing}, exitUsage, "fallow-router job show --help"},
		{[]string{"job", "cancel", "j-x", "--api", refusing}, exitFailed, "j-x is done"},
		{[]string{"job", "lst"}, exitUsage, "job --help"},
		{[]string{"node", "list", "--api", refusing}, exitFailed, "log says more"},
		{[]string{"node", "list", "--nonsense"}, exitUsage, "node list --help"},
		{[]string{"epoch", "show", "0", "--api", refusing}, exitUsage, "count from 1"},
		{[]string{"job", "list", "--api", "ftp://x"}, exitUsage, "http://HOST:PORT"},
		{[]string{"job", "list", "--api", "127.0.0.1:1"}, exitNotRunning, "fallow-router serve --data DIR"},
		{[]string{"job", "list", "--data", dir}, exitNotRunning, "fallow-router serve --data " + dir},
		{[]string{"job", "list", "--data", stale}, exitNotRunning, "ended without notice"},
	} {
		out, errs, code := execute(t, c.args...)
		if code != c.code || !strings.Contains(errs, c.says) || out != "" {
			t.Errorf("%v: exit %d, %s%s; want %d with %q", c.args, code, out, errs, c.code, c.says)
		}
	}
}

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
	}{
		{nil, 0},
		{fmt.Errorf("open: %w", store.ErrInUse), exitHeld},
		{fmt.Errorf("open: %w", store.ErrNewer), exitFailed},
		{fmt.Errorf("ask: %w", api.ErrUnreachable), exitNotRunning},
		{api.Invalid("x"), exitUsage},
		{api.Conflict("x"), exitFailed},
		{errLeft, exitForced},
		{errJobEnded, exitJobEnded},
	} {
		if got := exitCode(c.err); got != c.code {
			t.Errorf("%v: %d, want %d", c.err, got, c.code)
		}
	}
}

func TestFindsTheRouter(t *testing.T) {
	clearEnvironment(t)
	url := answers{"GET /api/v1/jobs?limit=50": `{"jobs":[]}`}.serve(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, addressesFile), []byte(`{"node":["/ip4/127.0.0.1/tcp/1/p2p/x"],"api":"`+url+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	check := func(name string, args ...string) {
		if out, errs, code := execute(t, append([]string{"job", "list"}, args...)...); code != 0 || !strings.HasPrefix(out, "no jobs yet") {
			t.Errorf("%s: exit %d %s %s", name, code, out, errs)
		}
	}
	check("--data", "--data", dir)
	check("--api", "--api", strings.TrimPrefix(url, "http://"))
	t.Setenv("FALLOW_API", "127.0.0.1:1")
	check("flag over variable", "--data", dir)
	t.Setenv("FALLOW_API", "")
	t.Setenv("FALLOW_DATA", dir)
	check("FALLOW_DATA")
	t.Setenv("FALLOW_API", url)
	check("FALLOW_API")
}

func TestWait(t *testing.T) {
	clearEnvironment(t)
	running := strings.Replace(jobJSON, `"done"`, `"running"`, 1)
	forever := answers{"POST /api/v1/jobs": `{"id":"j-a"}`, "GET /api/v1/jobs/j-a": running}.serve(t)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	add := []string{"job", "add", "--dataset", "d", "--purpose", "p", "--wait", "--json", "https://a.example/", "--api"}
	waiting, stop := context.WithCancel(t.Context())
	go func() { <-ctx.Done(); stop() }()
	out, errs, code := executeIn(waiting, t, "", append(add, forever)...)
	if code != exitForced || out != "{\"id\":\"j-a\"}\n" || !strings.Contains(errs, "job j-a goes on") || !strings.Contains(errs, "running: 20 pages") {
		t.Errorf("left: exit %d, %s%s", code, out, errs)
	}
	failed := strings.Replace(jobJSON, `"state":"done"`, `"state":"failed","reason":"no disk"`, 1)
	ended := answers{"POST /api/v1/jobs": `{"id":"j-a"}`, "GET /api/v1/jobs/j-a": failed}.serve(t)
	out, errs, code = execute(t, append(add, ended)...)
	if code != exitJobEnded || !strings.Contains(out, `"state":"failed","reason":"no disk"`) || !strings.Contains(errs, "no disk") {
		t.Errorf("failed: exit %d, %s%s", code, out, errs)
	}
}

func TestSeeds(t *testing.T) {
	got, err := gatherSeeds([]string{"https://a.example/"}, "-", strings.NewReader("\ufeff# list\nhttps://b.example/\r\n\n  https://c.example/  \n"))
	if err != nil || strings.Join(got, " ") != "https://a.example/ https://b.example/ https://c.example/" {
		t.Errorf("%q %v", got, err)
	}
	if _, err := gatherSeeds(nil, "-", strings.NewReader(strings.Repeat("https://a.example/\n", 100_001))); err == nil || !strings.Contains(err.Error(), "split them") {
		t.Errorf("too many: %v", err)
	}
}

// The real program on real data directories.
func TestServeRefusals(t *testing.T) {
	clearEnvironment(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := write(t, "file", "not a directory")
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no data":     {[]string{"--lab"}, exitUsage, "--data DIR"},
		"no contact":  {[]string{"--data", t.TempDir()}, exitUsage, "--contact URL"},
		"open api":    {[]string{"--data", t.TempDir(), "--lab", "--api", "0.0.0.0:0"}, exitUsage, "this machine only"},
		"bad listen":  {[]string{"--data", t.TempDir(), "--lab", "--listen", "127.0.0.1:80"}, exitUsage, "multiaddr such as"},
		"no ca":       {[]string{"--data", t.TempDir(), "--lab", "--ca", "/nowhere.pem"}, exitUsage, "PEM file"},
		"empty ca":    {[]string{"--data", t.TempDir(), "--lab", "--ca", file}, exitFailed, "PEM"},
		"ca no lab":   {[]string{"--data", t.TempDir(), "--contact", "mailto:a@b.example", "--ca", file}, exitUsage, "lab mode only"},
		"file":        {[]string{"--data", file, "--lab"}, exitFailed, "not a directory"},
		"api in use":  {[]string{"--data", t.TempDir(), "--lab", "--api", taken.Addr().String()}, exitFailed, "port is in use"},
		"node in use": {[]string{"--data", t.TempDir(), "--lab", "--listen", "/ip4/127.0.0.1/tcp/" + port(taken)}, exitFailed, "--listen"},
	} {
		out, errs, code := execute(t, append([]string{"serve", "--log-level", "error"}, c.args...)...)
		if code != c.code || !strings.Contains(errs, c.says) || out != "" {
			t.Errorf("%s: exit %d, %s%s; want %d with %q", name, code, out, errs, c.code, c.says)
		}
	}
}

func port(l net.Listener) string {
	_, p, _ := net.SplitHostPort(l.Addr().String())
	return p
}
