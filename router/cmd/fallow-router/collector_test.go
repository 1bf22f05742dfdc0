package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCollectorCommands(t *testing.T) {
	if out, errs, code := execute(t, "collector", "list"); code != 0 || !strings.Contains(out, "reddit-listing") || !strings.Contains(out, "mediawiki") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	text, err := os.ReadFile("../../collect/builtin/rss.toml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	good, bad, wrong := filepath.Join(dir, "good.toml"), filepath.Join(dir, "bad.toml"), filepath.Join(dir, "wrong.toml")
	for name, text := range map[string]string{
		good: string(text), bad: strings.Replace(string(text), `kind = "xml"`, `kind = "pdf"`, 1), wrong: strings.Replace(string(text), `author = "Ada"`, `author = "Bob"`, 1),
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, errs, code := execute(t, "collector", "test", good); code != 0 || !strings.Contains(out, "1 row(s) as expected") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	out, errs, code := execute(t, "collector", "test", good, bad, wrong)
	if code != 1 || !strings.Contains(out, "bad.toml:4: kind") || !strings.Contains(out, `field author: "Ada", expected "Bob"`) || !strings.Contains(errs, "2 of 3") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
}
