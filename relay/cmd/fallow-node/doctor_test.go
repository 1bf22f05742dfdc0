package main_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

func TestDoctor(t *testing.T) {
	dir := shortDir(t)
	if _, _, code := cli(t, "consent", "accept", "--yes", "--data", dir); code != 0 {
		t.Fatal("consent")
	}
	if _, _, code := cli(t, "router", "add", address(t), "--data", dir); code != 0 {
		t.Fatal("router add")
	}
	out, stderr, code := cli(t, "doctor", "--data", dir)
	if code != 1 || !strings.Contains(out, "failed   tcp") || !strings.Contains(out, "-> The router may be down") || !strings.Contains(stderr, "a step failed") {
		t.Errorf("exit %d, %s%s", code, out, stderr)
	}
	if strings.Contains(out, dir) {
		t.Errorf("the report tells where the data is: %s", out)
	}
	out, _, code = cli(t, "doctor", "--json", "--data", dir)
	var e struct {
		OK    bool `json:"ok"`
		Steps []struct{ Step, Result string }
	}
	if err := json.Unmarshal([]byte(out), &e); err != nil || code != 1 || e.OK || len(e.Steps) < 8 {
		t.Errorf("exit %d, %v: %s", code, err, out)
	}
	if _, _, code := cli(t, "doctor", "--router", "nonsense", "--data", dir); code != 2 {
		t.Errorf("nonsense: exit %d", code)
	}
	none := dir + "/none"
	if _, _, code := cli(t, "doctor", "--data", none); code != 1 {
		t.Errorf("no directory: exit %d", code)
	}
	if _, err := os.Stat(none); err == nil {
		t.Error("doctor made the directory")
	}
}
