package presence

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"time"
)

// darwin asks the small tools that come with macOS: its frameworks would need C.
type darwin struct{}

func newSystem() system { return darwin{} }

// toolTime bounds the wait for one of them.
const toolTime = 2 * time.Second

func tool(path string, args ...string) (string, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), toolTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, args...).Output()
	return string(out), err == nil
}

func (darwin) input(now time.Time) (time.Time, Finding) {
	out, ok := tool("/usr/sbin/ioreg", "-c", "IOHIDSystem", "-d", "4", "-r")
	if idle, found := hidIdle(out); ok && found {
		return now.Add(-idle), no("ioreg tells how long nobody has touched it")
	}
	return time.Time{}, cannot("ioreg does not say how long nobody has touched it")
}

func (darwin) battery() Finding {
	out, ok := tool("/usr/bin/pmset", "-g", "batt")
	if !ok {
		return cannot("pmset gives no answer")
	}
	return powerSource(out)
}

func (darwin) vpn(ways []way) Finding {
	if len(ways) == 0 {
		return cannot("there is no way to the web at the moment")
	}
	for _, w := range ways {
		for _, tunnel := range []string{"utun", "ipsec", "ppp"} {
			if strings.HasPrefix(w.name, tunnel) {
				return yes("traffic leaves by " + w.name + ", which is a VPN's")
			}
		}
	}
	return no("traffic leaves by " + ways[0].name + ", an ordinary interface")
}

func (darwin) managed() Finding {
	bound, err := os.ReadDir("/Library/Preferences/OpenDirectory/Configurations/Active Directory")
	if err == nil && len(bound) > 0 {
		return yes("it has joined an Active Directory")
	}
	return cannot("there is no sign of it, which proves nothing")
}

func (darwin) line(string) (uint64, bool) { return 0, false }

func (darwin) metered([]way) Finding {
	return cannot("macOS tells only programs built on its own frameworks")
}

func (darwin) network() Network {
	return unidentified("the gateway's hardware address is not read on macOS yet")
}
