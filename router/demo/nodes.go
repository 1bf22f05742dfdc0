package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/identity"
	"github.com/fallow-network/fallow/router/api"
)

// Times for the node processes.
const (
	connectWithin = 30 * time.Second
	stopWithin    = 8 * time.Second
)

// nodeProcess is one running fallow-node.
type nodeProcess struct {
	key    wire.Key
	cmd    *exec.Cmd
	log    *os.File
	exited chan struct{}
}

func (d *demo) startNodes(ctx context.Context) error {
	for i := range d.Nodes {
		n, err := d.startNode(ctx, i+1)
		if err != nil {
			return fmt.Errorf("start node %d: %w", i+1, err)
		}
		d.nodes = append(d.nodes, n)
	}
	ctx, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	shown := make(map[string]bool)
	for len(shown) < len(d.nodes) {
		if err := d.showConnected(ctx, shown); err != nil {
			return err
		}
		for i, n := range d.nodes {
			select {
			case <-n.exited:
				return fmt.Errorf("node %d ended before it was connected:\n%s", i+1, tail(n.log.Name()))
			default:
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of %d nodes connected within %s: %w\n%s",
				len(shown), len(d.nodes), connectWithin, ctx.Err(), tail(d.nodes[len(d.nodes)-1].log.Name()))
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}

func (d *demo) showConnected(ctx context.Context, shown map[string]bool) error {
	page, err := d.api.Nodes(ctx, api.Page{Limit: MaxNodes})
	if err != nil {
		return err
	}
	for _, connected := range page.Nodes {
		for i, n := range d.nodes {
			if n.key.String() == connected.ID && !shown[connected.ID] {
				shown[connected.ID] = true
				d.say.line(fmt.Sprintf("node %d", i+1), "%s connected, process %d", connected.ID, n.cmd.Process.Pid)
			}
		}
	}
	return nil
}

// startNode makes a node's identity and consent, which in a demo is the
// user's own by asking for it, and starts its process.
func (d *demo) startNode(ctx context.Context, i int) (*nodeProcess, error) {
	dir := filepath.Join(d.Dir, fmt.Sprintf("node%d", i))
	if out, err := exec.CommandContext(ctx, d.Node, "consent", "accept", "--yes", "--data", dir).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("record consent: %w\n%s", err, out)
	}
	args := []string{"run", "--data", dir}
	for _, address := range d.router.NodeAddresses() {
		args = append(args, "--router", address)
	}
	if d.site != nil {
		args = append(args, "--lab", "--dns", d.site.dns.Addr())
	}
	log, err := os.Create(filepath.Join(d.Dir, fmt.Sprintf("node%d.log", i)))
	if err != nil {
		return nil, err
	}
	id, err := identity.LoadOrCreate(dir)
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	// Not bound to ctx: an interrupted demo stops its nodes in good order.
	cmd := exec.Command(d.Node, args...) //nolint:noctx // see above
	cmd.Stdout, cmd.Stderr = log, log
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	n := &nodeProcess{key: id.Public, cmd: cmd, log: log, exited: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // its log says how it ended
		close(n.exited)
	}()
	return n, nil
}

// stopNodes asks all nodes to stop at once and kills those that do not.
func (d *demo) stopNodes() {
	var all sync.WaitGroup
	for _, n := range d.nodes {
		all.Go(func() {
			askToStop(n.cmd.Process)
			select {
			case <-n.exited:
			case <-time.After(stopWithin):
				_ = n.cmd.Process.Kill()
				<-n.exited
			}
			_ = n.log.Close()
		})
	}
	all.Wait()
	d.nodes = nil
}

// tail is the end of a log, for an error a person reads.
func tail(path string) string {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(raw), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-8):], []byte("\n")))
}
