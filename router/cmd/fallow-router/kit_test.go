package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// execute runs a command line with nothing of the environment's, and returns
// what it wrote and how it ended.
func execute(t *testing.T, args ...string) (out, errs string, code int) {
	t.Helper()
	return executeIn(t.Context(), t, "", args...)
}

func executeIn(ctx context.Context, t *testing.T, stdin string, args ...string) (out, errs string, code int) {
	t.Helper()
	t.Setenv("TZ", "UTC")
	root := newRoot()
	var stdout, stderr bytes.Buffer
	root.SetArgs(args)
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	err := root.ExecuteContext(ctx)
	if err != nil {
		stderr.WriteString(explain(err).Error())
	}
	return stdout.String(), stderr.String(), exitCode(err)
}

// answers is an API that says what it was told to.
type answers map[string]string // "GET /api/v1/jobs" -> body; a body that begins with a status is answered with it

func (a answers) serve(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := a[r.Method+" "+r.URL.RequestURI()]
		if !ok {
			t.Errorf("unexpected request %s %s", r.Method, r.URL.RequestURI())
		}
		var e struct{ Status int }
		if json.Unmarshal([]byte(body), &e) == nil && e.Status >= 400 {
			w.WriteHeader(e.Status)
		}
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// write puts content into a file of a fresh directory.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func clearEnvironment(t *testing.T) {
	t.Helper()
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "FALLOW_") {
			t.Setenv(name, "") // puts the old value back at the end
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
}
