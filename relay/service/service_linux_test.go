package service_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/relay/service"
)

// home is a user without anything, whose systemctl is a script that writes down what
// it is asked; present says whether a manager answers it.
func home(t *testing.T, present bool) (config string, asked func() string) {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(dir, "asked")
	script := "#!/bin/sh\nexit 1\n"
	if present {
		script = "#!/bin/sh\necho \"$@\" >>'" + log + "'\ncase \"$2\" in is-active) echo active;; esac\n"
	}
	bin := filepath.Join(dir, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, "systemctl"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":/bin:/usr/bin")
	t.Setenv("HOME", dir)
	config = filepath.Join(dir, "config")
	t.Setenv("XDG_CONFIG_HOME", config)
	return config, func() string {
		text, _ := os.ReadFile(log)
		_ = os.Remove(log)
		return string(text)
	}
}

// files are all files below dir.
func files(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, strings.TrimPrefix(path, dir+"/"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var spec = service.Spec{Program: "/usr/bin/fallow-node", Dir: "/home/ann/node"}

func TestSystemdUnit(t *testing.T) {
	config, asked := home(t, true)
	state, err := service.Install(t.Context(), spec)
	if err != nil || state.Method != service.Systemd || !state.Running {
		t.Fatalf("%+v, %v", state, err)
	}
	if said := asked(); !strings.Contains(said, "enable fallow-node.service") || !strings.Contains(said, "restart fallow-node.service") {
		t.Errorf("systemctl was asked: %s", said)
	}
	if _, err := service.Install(t.Context(), spec); err != nil {
		t.Error(err)
	}
	if said := asked(); strings.Contains(said, "restart") {
		t.Errorf("installed again, nothing has changed, and yet: %s", said)
	}
	if got := files(t, config); len(got) != 1 || got[0] != "systemd/user/fallow-node.service" {
		t.Errorf("files %q", got)
	}
	if all, err := service.Look(t.Context()); err != nil || len(all) != 1 || !all[0].Running {
		t.Errorf("%+v, %v", all, err)
	}
	removed, err := service.Uninstall(t.Context())
	if err != nil || len(removed) != 1 {
		t.Errorf("%+v, %v", removed, err)
	}
	if said := asked(); !strings.Contains(said, "disable --now fallow-node.service") {
		t.Errorf("systemctl was asked: %s", said)
	}
	if got := files(t, config); len(got) != 0 {
		t.Errorf("left behind: %q", got)
	}
	if removed, err := service.Uninstall(t.Context()); err != nil || len(removed) != 0 {
		t.Errorf("again: %+v, %v", removed, err)
	}
}

func TestAutostartWithoutSystemd(t *testing.T) {
	config, _ := home(t, false)
	for range 2 {
		state, err := service.Install(t.Context(), spec)
		if err != nil || state.Method != service.Autostart || state.Running || !strings.Contains(state.Note, "fallow-node run") {
			t.Fatalf("%+v, %v", state, err)
		}
	}
	if got := files(t, config); len(got) != 1 || got[0] != "autostart/fallow-node.desktop" {
		t.Errorf("files %q", got)
	}
	if removed, err := service.Uninstall(t.Context()); err != nil || len(removed) != 1 || len(files(t, config)) != 0 {
		t.Errorf("%+v, %v, left %q", removed, err, files(t, config))
	}
}

// A machine that has got a systemd for users since must not start two agents.
func TestOneMethodAtATime(t *testing.T) {
	config, _ := home(t, false)
	if _, err := service.Install(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(config), "bin", "systemctl"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := service.Install(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	if got := files(t, config); len(got) != 1 || got[0] != "systemd/user/fallow-node.service" {
		t.Errorf("files %q", got)
	}
}

func TestPathsSystemdCannotStart(t *testing.T) {
	config, _ := home(t, true)
	if _, err := service.Install(t.Context(), service.Spec{Program: `/opt/my "apps"/fallow-node`, Dir: "/data"}); !errors.Is(err, service.ErrSpec) {
		t.Error(err)
	}
	if got := files(t, filepath.Dir(config)); len(got) > 1 { // the script that stands for systemctl, and its log
		for _, f := range got {
			if strings.HasSuffix(f, ".service") {
				t.Errorf("left %s", f)
			}
		}
	}
}
