package service

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// awkward has what needs quoting somewhere.
var awkward = Spec{Program: `/opt/my "apps"/50% off/fallow-node`, Dir: `/home/ann o'b/$data\node & <co>`, Tray: true}

func TestGolden(t *testing.T) {
	plain := Spec{Program: "/usr/local/bin/fallow-node", Dir: "/home/ann/.local/share/fallow/node"}
	for name, text := range map[string]string{
		"plain.service": plain.unit(), "awkward.service": awkward.unit(),
		"plain.desktop": plain.desktopEntry(), "awkward.desktop": awkward.desktopEntry(),
		"plain.plist": plain.propertyList(), "awkward.plist": awkward.propertyList(),
		"awkward.run": awkward.commandLine() + "\n",
	} {
		path := filepath.Join("testdata", name)
		if *rewrite {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if text != string(want) {
			t.Errorf("%s:\n%s\nwant:\n%s", name, text, want)
		}
	}
}

// systemd itself reads the unit, quoting and all.
func TestSystemdReadsTheUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze on this machine")
	}
	dir := filepath.Join(t.TempDir(), "my apps", "50% off $HOME")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	spec := Spec{Program: filepath.Join(dir, "fallow node"), Dir: awkward.Dir}
	if err := os.WriteFile(spec.Program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), unitFile)
	if err := os.WriteFile(unit, []byte(spec.unit()), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), analyze, "--user", "verify", unit)
	cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), "Failed to initialize manager") || strings.Contains(string(out), "XDG_RUNTIME_DIR") {
		t.Skipf("systemd-analyze cannot work here: %s", out)
	}
	if err != nil || strings.Contains(string(out), unitFile) {
		t.Errorf("%v: %s", err, out)
	}
}

const unitFile = "fallow-node.service"

func TestPropertyListIsXML(t *testing.T) {
	d := xml.NewDecoder(strings.NewReader(awkward.propertyList()))
	var words []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "string" {
			var word string
			if err := d.DecodeElement(&word, &start); err != nil {
				t.Fatal(err)
			}
			words = append(words, word)
		}
	}
	want := append(append([]string{Label, awkward.Program}, awkward.args()...), "Background")
	if strings.Join(words, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q, want %q", words, want)
	}
}

// Windows takes the line apart by these rules (CommandLineToArgvW).
func TestWindowsQuoting(t *testing.T) {
	for word, want := range map[string]string{
		`C:\fallow\node.exe`: `C:\fallow\node.exe`, `C:\Program Files\x.exe`: `"C:\Program Files\x.exe"`,
		`a "b" c`: `"a \"b\" c"`, `ends with \ `: `"ends with \ "`, `dir with\`: `"dir with\\"`, `x\" y`: `"x\\\" y"`, ``: `""`,
	} {
		if got := windowsQuote(word); got != want {
			t.Errorf("%s: %s, want %s", word, got, want)
		}
	}
}

func TestSpecsThatCannotBe(t *testing.T) {
	for _, s := range []Spec{
		{"fallow-node", "/data", false}, {"/bin/x", "data", false}, {"/bin/x\nExecStartPre=/bin/evil", "/data", false}, {"/bin/x", "/da\x00ta", false},
	} {
		if _, err := Install(t.Context(), s); !errors.Is(err, ErrSpec) {
			t.Errorf("%+v: %v", s, err)
		}
	}
}
