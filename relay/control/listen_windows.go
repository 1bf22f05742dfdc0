package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/Microsoft/go-winio"
)

// pipeName is the pipe of the agent whose socket would be path. Names of pipes are
// of the whole machine, so it has a hash of the path in it, in the one spelling that
// Windows takes for all.
func pipeName(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		path = full
	}
	sum := sha256.Sum256([]byte(strings.ToLower(filepath.Clean(path))))
	return `\\.\pipe\fallow-agent-` + hex.EncodeToString(sum[:16])
}

// ownerOnly opens the pipe to this user and to nobody else, administrators and
// services included (SDDL: protected, full access for one SID).
func ownerOnly() (string, error) {
	who, err := user.Current()
	if err != nil {
		return "", fmt.Errorf("find out who you are: %w", err)
	}
	return "D:P(A;;GA;;;" + who.Uid + ")", nil // Uid is the SID on Windows
}

func listen(path string) (net.Listener, error) {
	access, err := ownerOnly()
	if err != nil {
		return nil, err
	}
	return winio.ListenPipe(pipeName(path), &winio.PipeConfig{SecurityDescriptor: access, InputBufferSize: 64 << 10, OutputBufferSize: 64 << 10})
}

// dial asks for a server that may know who calls but not act as them: anybody may
// make a pipe of this name while no agent runs.
func dial(ctx context.Context, path string) (net.Conn, error) {
	return winio.DialPipeContext(ctx, pipeName(path))
}
