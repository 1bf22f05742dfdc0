package presence

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
)

// identify names the network behind a gateway. Only a digest is kept: the
// hardware address of a home router is found on maps.
func identify(mac net.HardwareAddr, gateway netip.Addr, on string) Network {
	sum := sha256.Sum256(fmt.Appendf(nil, "fallow-network-v1\n%s\n%s", mac, gateway))
	return Network{ID: hex.EncodeToString(sum[:8]), Name: fmt.Sprintf("gateway %s on %s", gateway, on)}
}

func unidentified(why string) Network { return Network{Why: "cannot tell here: " + why} }
