//go:build unix

package demo

import (
	"os"
	"syscall"
)

func askToStop(p *os.Process) { _ = p.Signal(syscall.SIGTERM) }
