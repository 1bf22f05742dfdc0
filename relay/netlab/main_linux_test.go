package netlab_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The roles in which this binary starts itself, each in namespaces of its own.
const (
	roleEnv   = "FALLOW_NETLAB_ROLE"
	roleProbe = "probe" // can a lab be laid here at all?
	roleWorld = "world" // runs one test
	roleNode  = "node"  // the home with the node
)

// maxWorld ends a world that hangs; the long campaign takes minutes.
const maxWorld = 14 * time.Minute

func TestMain(m *testing.M) {
	role := os.Getenv(roleEnv)
	if role == "" || role == roleWorld {
		os.Exit(m.Run())
	}
	err := fmt.Errorf("no such role")
	switch role {
	case roleProbe:
		err = probe()
	case roleNode:
		err = serveNode(os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", role, err)
		os.Exit(1)
	}
}

// again is this binary in another role, in new network and mount namespaces.
func again(role string, args ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), roleEnv+"="+role)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS}
	return cmd, nil
}

// inWorld runs test in a world of its own: in a process that this one starts.
func inWorld(t *testing.T, test func(*testing.T)) {
	t.Helper()
	if os.Getenv(roleEnv) == roleWorld {
		go dieWithParent()
		test(t)
		return
	}
	if why := unable(); why != "" {
		t.Skipf("!! THE LAB OF NETWORK NAMESPACES DID NOT RUN, so nothing has watched the node's packets: %s", why)
	}
	cmd, err := again(roleWorld, "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout="+maxWorld.String())
	if err != nil {
		t.Fatal(err)
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Run(); err != nil {
		t.Errorf("in the world: %v", err)
	}
}

// dieWithParent waits for the end of standard input, which nobody writes to.
func dieWithParent() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(3)
}

// unable says why there can be no lab here, "" if there can.
var unable = sync.OnceValue(func() string {
	if os.Geteuid() != 0 {
		return "it needs root; run the tests of ./relay/netlab as root"
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return "there is no `ip`; install it with: apt-get install iproute2"
	}
	cmd, err := again(roleProbe)
	if err != nil {
		return err.Error()
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Sprintf("this system lets root make no network namespace with what is needed in it: %v: %s",
			err, bytes.TrimSpace(out))
	}
	return ""
})

// probe lays both ends of the wire in one namespace, and tries all else a lab needs.
func probe() error {
	if err := layWorld(0); err != nil {
		return err
	}
	if err := layHome(); err != nil {
		return err
	}
	return errors.Join(ownResolver(), capturable())
}

func capturable() error {
	c, err := openCapture()
	if err != nil {
		return err
	}
	return unix.Close(c)
}

// campaign is how much of something to do: CI's part, or all of it with FALLOW_SOAK.
func campaign(t *testing.T, short, long int) int {
	t.Helper()
	text := os.Getenv("FALLOW_SOAK")
	if text == "" {
		return short
	}
	if n, err := strconv.Atoi(text); err != nil || n < 1 {
		t.Fatalf("FALLOW_SOAK is %q, must be a whole number above 0", text)
	}
	return long
}

func ip(args string) error {
	out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", args, err, bytes.TrimSpace(out))
	}
	return nil
}

func ips(lines string) error {
	for line := range strings.SplitSeq(strings.TrimSpace(lines), "\n") {
		if err := ip(strings.TrimSpace(line)); err != nil {
			return err
		}
	}
	return nil
}

// layWorld makes the wire, its other end in the namespace of process home (0 for
// this one), and has every address that is not the home's lead to this namespace.
func layWorld(home int) error {
	netns := ""
	if home != 0 {
		netns = fmt.Sprintf(" netns %d", home)
	}
	return ips(`
		link set lo up
		link add world0 address ` + macWorld + ` type veth peer name home0 address ` + macHome + netns + `
		link set world0 up
		route add local 0.0.0.0/0 dev lo
		-6 route add local ::/0 dev lo
		route add ` + home4 + `/32 dev world0 table local
		-6 route add ` + home6 + `/128 dev world0 table local
		neigh replace ` + home4 + ` lladdr ` + macHome + ` dev world0 nud permanent
		-6 neigh replace ` + home6 + ` lladdr ` + macHome + ` dev world0 nud permanent`)
}

// layHome gives the home public-looking addresses of its own, as some providers
// do, and the world for a gateway. Nobody need be asked for the gateway's MAC, so
// every such question is about somebody else.
func layHome() error {
	return ips(`
		link set lo up
		link set home0 up
		addr add ` + home4 + `/24 dev home0
		-6 addr add ` + home6 + `/64 dev home0 nodad
		neigh replace ` + gateway4 + ` lladdr ` + macWorld + ` dev home0 nud permanent
		-6 neigh replace ` + gateway6 + ` lladdr ` + macWorld + ` dev home0 nud permanent
		route add default via ` + gateway4 + `
		-6 route add default via ` + gateway6)
}

// ownResolver puts a resolv.conf of the lab's over the machine's, for this mount
// namespace alone.
func ownResolver() error {
	f, err := os.CreateTemp("", "netlab-resolv-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := fmt.Fprintf(f, "nameserver %s\n", dnsAddr); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := unix.Mount(f.Name(), "/etc/resolv.conf", "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount over /etc/resolv.conf: %w", err)
	}
	return nil
}
