package main

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/fallow-network/fallow/router/ledger"
)

func TestPrecedence(t *testing.T) {
	clearEnvironment(t)
	file := write(t, "router.toml", `
contact = "from file"
listen = ["/ip4/1.1.1.1/tcp/1", "/ip4/1.1.1.1/udp/1/quic-v1"]
api = "127.0.0.1:1"
[crawl]
workers = 7
shard_age = "3m"
[epoch]
pool_points = 5
`)
	t.Setenv("FALLOW_API", "http://127.0.0.1:2/")
	t.Setenv("FALLOW_CRAWL_WORKERS", "8")
	t.Setenv("FALLOW_LISTEN", "/ip4/2.2.2.2/tcp/2,/ip4/2.2.2.2/tcp/3")
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.String("contact", "", "")
	flags.String("data", "", "")
	if err := flags.Parse([]string{"--contact", "from flag", "--data", "d"}); err != nil {
		t.Fatal(err)
	}
	c, err := load(file, map[string]*pflag.Flag{"contact": flags.Lookup("contact"), "data": flags.Lookup("data")})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.settle(); err != nil {
		t.Fatal(err)
	}
	if c.Contact != "from flag" || c.Dir != "d" || c.API != "127.0.0.1:2" || c.Crawl.Workers != 8 || c.Crawl.ShardAge != 3*time.Minute ||
		c.Pool != 5*ledger.Point || strings.Join(c.Listen, " ") != "/ip4/2.2.2.2/tcp/2 /ip4/2.2.2.2/tcp/3" {
		t.Errorf("%+v", c)
	}
	if d := newConfigDefaults(false); c.Crawl.ShardRows != d.Crawl.ShardRows || c.EpochEvery != d.EpochEvery {
		t.Error("what nobody set has not its default")
	}
}

func TestLabHasItsOwnDefaults(t *testing.T) {
	clearEnvironment(t)
	c, err := load(write(t, "router.toml", "lab = true\ndata = 'd'\n[crawl]\nworkers = 3\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if lab := newConfigDefaults(true); !c.Lab || c.API != lab.API || c.Crawl.Frontier.MinDelay != 0 || c.Crawl.Workers != 3 || c.EpochEvery != lab.EpochEvery {
		t.Errorf("%+v", c)
	}
}

func TestBadFiles(t *testing.T) {
	clearEnvironment(t)
	for content, says := range map[string]string{
		"contakt = 'x'":                  "did you mean contact?",
		"[crawl]\nworker = 1":            "did you mean crawl.workers?",
		"workers = 1":                    "did you mean crawl.workers?",
		"[crwal]\nworkers = 1":           "did you mean crawl.workers?",
		"frobnicate = 1":                 "fallow-router config print",
		"[crawl]\nworkers = 'many'":      `crawl.workers: is "many", want a whole number`,
		"[crawl]\nworkers = 1.5":         "crawl.workers",
		"[crawl]\nshard_age = 10":        "duration such as",
		"contact = ['a', 'b']":           "takes one value",
		"listen = [1]":                   "not a text in quotes",
		"lab = 'perhaps'":                "true or false",
		"contact = 2026-11-01T00:00:00Z": "is a date",
		"contact = \"x":                  "not valid TOML",
		"contact = 1\ncontact = 2":       "not valid TOML",
		"[[crawl]]\nworkers = 1":         "unknown key crawl",
		"lab = []":                       "lab",
	} {
		if _, err := load(write(t, "router.toml", content), nil); err == nil || !strings.Contains(err.Error(), says) || exitCode(err) != exitUsage {
			t.Errorf("%q: %v, want %q", content, err, says)
		}
	}
	if _, err := load(filepath.Join(t.TempDir(), "none.toml"), nil); err == nil || !strings.Contains(err.Error(), "config print") {
		t.Errorf("missing file: %v", err)
	}
	t.Setenv("FALLOW_CRAWL_WORKERS", "x")
	if _, err := load("", nil); err == nil || !strings.Contains(err.Error(), "FALLOW_CRAWL_WORKERS") {
		t.Errorf("bad variable: %v", err)
	}
}

func TestRefusedValues(t *testing.T) {
	clearEnvironment(t)
	for content, says := range map[string]string{
		"[epoch]\npool_points = -1":         "epoch.pool_points",
		"[epoch]\npool_points = 9000000000": "epoch.pool_points",
		"[epoch]\nevery = '1ms'":            "epoch.every",
		"[epoch]\nevery = '-1s'":            "epoch.every",
		"[crawl]\nworkers = 0":              "crawl.workers",
		"[fleet]\nmax_nodes = 0":            "fleet.max_nodes",
		"[log]\nformat = 'xml'":             "log.format",
		"[log]\nlevel = 'loud'":             "log.level",
		"listen = []":                       "--listen",
	} {
		c, err := load(write(t, "router.toml", "lab = true\ndata = 'd'\n"+content), nil)
		if err != nil {
			t.Errorf("%q: %v", content, err)
			continue
		}
		if err := c.settle(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", content, err, says)
		}
	}
}

// What print writes, load reads back as the same.
func TestPrintIsAFile(t *testing.T) {
	clearEnvironment(t)
	args := []string{"config", "print", "--data", `/tmp/a "b"\c` + "\x01", "--contact", "mailto:ops@example.org", "--listen", "/ip4/127.0.0.1/tcp/1"}
	first, errs, code := execute(t, args...)
	if code != 0 {
		t.Fatal(errs)
	}
	file := write(t, "router.toml", first)
	second, errs, code := execute(t, "config", "print", "--config", file)
	if code != 0 || second != first {
		t.Errorf("exit %d %s\n%s", code, errs, second)
	}
	out, errs, code := execute(t, "config", "print", "--json", "--config", file)
	var values map[string]any
	if err := json.Unmarshal([]byte(out), &values); err != nil || code != 0 || values["crawl.workers"] != 128.0 || values["lab"] != false {
		t.Errorf("%v %s %s", err, out, errs)
	}
	if out, errs, code := execute(t, "config", "check", "--config", file); code != 0 || !strings.Contains(out, "fallow-router serve --config "+file) {
		t.Errorf("exit %d %s %s", code, out, errs)
	}
}

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// The whole default configuration, so that a change shows in review.
func TestDefaultsAreKnown(t *testing.T) {
	clearEnvironment(t)
	out, _, _ := execute(t, "config", "print")
	golden := filepath.Join("testdata", "router.toml")
	if *rewrite {
		if err := os.WriteFile(golden, []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || out != string(want) {
		t.Errorf("%v: the defaults are not those of %s:\n%s", err, golden, out)
	}
}

func FuzzFile(f *testing.F) {
	f.Add("lab = true\n[crawl]\nworkers = 3")
	f.Add("a.b.c = [[1]]\n")
	f.Add("[crawl]\n[crawl.workers]\nx=1")
	f.Fuzz(func(t *testing.T, content string) {
		c, err := load(write(t, "router.toml", content), nil)
		if err == nil {
			_ = c.settle()
		}
	})
}
