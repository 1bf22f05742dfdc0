//go:build e2e

package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// bin is the folder of the programs under test.
var bin string

func TestMain(m *testing.M) {
	code, err := testMain(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func testMain(m *testing.M) (int, error) {
	if bin = os.Getenv("FALLOW_BIN"); bin != "" {
		if !filepath.IsAbs(bin) {
			return 0, fmt.Errorf("FALLOW_BIN is %q, must be an absolute path", bin)
		}
		return m.Run(), nil
	}
	dir, err := os.MkdirTemp("", "fallow-bin-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	bin = dir
	build := exec.Command("go", "build", "-trimpath", "-o", dir+string(filepath.Separator),
		"github.com/fallow-network/fallow/router/cmd/fallow-router",
		"github.com/fallow-network/fallow/relay/cmd/fallow-node",
		"github.com/fallow-network/fallow/dataset/cmd/fallow-data")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the programs: %w\n%s", err, out)
	}
	return m.Run(), nil
}

// soak is how many times as long campaigns are to be.
func soak(t *testing.T) int {
	t.Helper()
	text := os.Getenv("FALLOW_SOAK")
	if text == "" {
		return 1
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("FALLOW_SOAK is %q, must be a whole number above 0", text)
	}
	return n
}
