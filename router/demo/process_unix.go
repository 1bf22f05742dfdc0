//go:build unix

package demo

import (
	"os"
	"os/exec"
	"syscall"
)

// detach keeps Ctrl-C from the child: the demo stops it in good order.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func askToStop(p *os.Process) { _ = p.Signal(syscall.SIGTERM) }
