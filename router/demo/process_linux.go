package demo

import (
	"os/exec"
	"syscall"
)

// detach keeps Ctrl-C from the child, since the demo stops it in good order,
// and lets it end with the demo if that is killed.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
