//go:build !unix

package demo

import (
	"os"
	"os/exec"
)

func detach(*exec.Cmd) {}

// askToStop ends the process: there is no gentle way here.
func askToStop(p *os.Process) { _ = p.Kill() }
