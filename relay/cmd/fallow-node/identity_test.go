package main_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/relay/datadir"
	"github.com/fallow-network/fallow/relay/wire/identity"
)

func writeFile(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestIdentityBackup(t *testing.T) {
	from, to := shortDir(t), shortDir(t)
	id, err := identity.LoadOrCreate(from)
	if err != nil {
		t.Fatal(err)
	}
	right := writeFile(t, filepath.Join(from, "right"), "a long passphrase\r\nnot this\n")
	wrong := writeFile(t, filepath.Join(from, "wrong"), "another passphrase\n")
	short := writeFile(t, filepath.Join(from, "short"), "abc\n")
	file, plain := filepath.Join(from, "sealed.json"), filepath.Join(from, "plain.json")
	export := func(more ...string) (string, string, int) {
		return cli(t, append([]string{"identity", "export", "--data", from}, more...)...)
	}
	for _, tt := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 2, "--out"},
		{[]string{"--out", file}, 2, "no terminal"},
		{[]string{"--out", file, "--passphrase-file", short}, 1, "3 characters"},
		{[]string{"--out", file, "--plain", "--passphrase-file", right}, 2, "--plain"},
		{[]string{"--out", right, "--plain"}, 1, "not replaced"},
		{[]string{"--out", file, "--passphrase-file", right}, 0, ""},
		{[]string{"--out", file, "--passphrase-file", right}, 1, "not replaced"},
		{[]string{"--out", plain, "--plain", "--json"}, 0, "not encrypted"},
	} {
		if _, stderr, code := export(tt.args...); code != tt.code || !strings.Contains(stderr, tt.says) {
			t.Errorf("export %v: exit %d, %q", tt.args, code, stderr)
		}
	}
	for _, f := range []string{file, plain} {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f, info, err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	truncated := writeFile(t, filepath.Join(from, "truncated"), string(text[:len(text)/2]))
	newer := writeFile(t, filepath.Join(from, "newer"), strings.Replace(string(text), `"version": 1`, `"version": 2`, 1))
	i := bytes.Index(text, []byte(`"sealed": "`)) + len(`"sealed": "`)
	altered := bytes.Clone(text)
	altered[i] = map[bool]byte{true: 'B', false: 'A'}[altered[i] == 'A']
	changed := writeFile(t, filepath.Join(from, "altered"), string(altered))

	restore := func(file, passphrase string) (string, string, int) {
		return cli(t, "identity", "restore", file, "--passphrase-file", passphrase, "--data", to)
	}
	for _, tt := range []struct {
		file, passphrase string
		code             int
		says             string
	}{
		{file, wrong, 1, "wrong passphrase"},
		{truncated, right, 1, "not one whole JSON object"},
		{newer, right, 1, "newer agent"},
		{changed, right, 1, "was altered"},
		{filepath.Join(from, "none"), right, 1, "no such file"},
		{file, right, 0, ""},
		{file, right, 1, "move it away"},
	} {
		if _, stderr, code := restore(tt.file, tt.passphrase); code != tt.code || !strings.Contains(stderr, tt.says) {
			t.Errorf("restore %s: exit %d, %q", filepath.Base(tt.file), code, stderr)
		}
	}
	if back, err := identity.Load(to); err != nil || !back.Private.Equal(id.Private) {
		t.Errorf("restored %v, %v; want %v", back, err, id)
	}

	// The plain form goes the same way, and not beside a running agent.
	to = shortDir(t)
	hold, err := datadir.Take(to)
	if err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := restore(plain, ""); code != 4 {
		t.Errorf("beside an agent: exit %d, %q", code, stderr)
	}
	if err := hold.Release(); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := restore(plain, ""); code != 0 {
		t.Errorf("plain: exit %d, %q", code, stderr)
	}
	if back, err := identity.Load(to); err != nil || !back.Private.Equal(id.Private) {
		t.Errorf("restored %v, %v; want %v", back, err, id)
	}
}
