package bench_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"testing"
)

// Environment of a copy of the test binary that plays a part.
const (
	roleVar   = "FALLOW_BENCH_ROLE"
	configVar = "FALLOW_BENCH_CONFIG"
)

// A role starts a part of a benchmark and returns what the benchmark must know
// of it, how to make it work if it waits to be told, and how to stop it.
type role func(config []byte) (part, error)

type part struct {
	ready any
	work  func() (any, error)
	stop  func() error
}

var roles = map[string]role{
	"router": playRouter, "node": playNode, "idle nodes": playIdleNodes, "site": playSite, "colly": playColly,
}

func TestMain(m *testing.M) {
	play, ok := roles[os.Getenv(roleVar)]
	if !ok {
		os.Exit(m.Run())
	}
	if err := perform(play); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Getenv(roleVar), err)
		os.Exit(1)
	}
}

// perform plays a role until standard input ends. One line of JSON answers each
// line of input; the first says that it has started.
func perform(play role) error {
	p, err := play([]byte(os.Getenv(configVar)))
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(p.ready); err != nil {
		return err
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var answer any
		switch in.Text() {
		case "work":
			if answer, err = p.work(); err != nil {
				return err
			}
		case "free":
			debug.FreeOSMemory()
		}
		if err := out.Encode(answer); err != nil {
			return err
		}
	}
	if p.stop != nil {
		return p.stop()
	}
	return nil
}
