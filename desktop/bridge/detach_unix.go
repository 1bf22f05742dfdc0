//go:build unix

package bridge

import (
	"os/exec"
	"syscall"
)

// detach gives the agent a session of its own, so that the end of the window's
// does not end it.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
