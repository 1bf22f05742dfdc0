package main_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/relay/routerlist"
	"github.com/fallow-network/fallow/relay/wire/identity"
)

// A user without systemd: the desktop's autostart, and nothing left afterwards but
// the data, unless that is to go too.
func TestInstallAndUninstall(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("what is installed is looked at on Linux alone")
	}
	home, dir := t.TempDir(), shortDir(t)
	fallow := func(input string, args ...string) (string, int) {
		cmd := exec.CommandContext(t.Context(), binary, append(args, "--data", dir)...)
		cmd.Env = []string{"HOME=" + home, "PATH=" + filepath.Join(home, "bin")}
		cmd.Stdin = strings.NewReader(input)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		_ = cmd.Run()
		return out.String(), cmd.ProcessState.ExitCode()
	}
	entry := filepath.Join(home, ".config", "autostart", "fallow-node.desktop")
	if out, code := fallow("", "install"); code != 2 || !strings.Contains(out, "router add") {
		t.Errorf("without a router: exit %d, %s", code, out)
	}
	if err := routerlist.Save(dir, []string{address(t)}); err != nil {
		t.Fatal(err)
	}
	if _, err := identity.LoadOrCreate(dir); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if out, code := fallow("", "install"); code != 0 || !strings.Contains(out, entry) || !strings.Contains(out, "next log-in") {
			t.Errorf("install: exit %d, %s", code, out)
		}
	}
	text, err := os.ReadFile(entry)
	if err != nil || !strings.Contains(string(text), `"`+binary+`" "run" "--data" "`+dir+`"`) {
		t.Errorf("%s, %v", text, err)
	}
	for _, step := range []struct {
		input string
		args  []string
		code  int
		says  string
		data  bool
	}{
		{"", []string{"uninstall", "--yes"}, 2, "--purge", true},
		{"", []string{"uninstall"}, 0, "The data stays in " + dir, true},
		{"", []string{"uninstall"}, 0, "Nothing was installed", true},
		{"no\n", []string{"uninstall", "--purge"}, 1, "not removed", true},
		{"remove\n", []string{"uninstall", "--purge"}, 0, "Removed with all that was in it", false},
		{"", []string{"uninstall", "--purge", "--yes", "--json"}, 0, `"purged": false`, false},
	} {
		out, code := fallow(step.input, step.args...)
		_, err := os.Stat(filepath.Join(dir, identity.FileName))
		if code != step.code || !strings.Contains(out, step.says) || (err == nil) != step.data {
			t.Errorf("%v: exit %d, data there: %t, %s", step.args, code, err == nil, out)
		}
	}
	left := 0
	_ = filepath.WalkDir(home, func(_ string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			left++
		}
		return nil
	})
	if left != 0 {
		t.Errorf("%d files left", left)
	}
	if err := os.MkdirAll(filepath.Join(dir, "photos"), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, code := fallow("", "uninstall", "--purge", "--yes"); code != 1 || !strings.Contains(out, "left alone") {
		t.Errorf("somebody else's folder: exit %d, %s", code, out)
	}
}
