package relay

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"golang.org/x/mod/semver"
)

// maxVersion bounds what is shown of a version, in bytes, and maxInfo of an
// address.
const (
	maxVersion = 64
	maxInfo    = 200
)

// update is what the connected router says of a newer release, if it is newer.
// Called with mu held.
func (n *Node) update() Update {
	if n.current == nil {
		return Update{}
	}
	w := n.current.welcome
	if !newer(w.GetNewestVersion(), n.cfg.Version) {
		return Update{}
	}
	return Update{Version: w.GetNewestVersion(), Info: httpsOnly(w.GetNewestInfo()), Router: n.current.router.Key}
}

// newer reports whether offered is a later release than have. A version that is no
// release, as "dev", is never called old: whoever builds knows.
func newer(offered, have string) bool {
	if len(offered) > maxVersion {
		return false
	}
	offered, have = canonical(offered), canonical(have)
	return semver.IsValid(offered) && semver.IsValid(have) && semver.Compare(offered, have) > 0
}

func canonical(version string) string { return "v" + strings.TrimPrefix(version, "v") }

// httpsOnly is address if a user may be sent there: short, printable, https.
func httpsOnly(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" || len(address) > maxInfo ||
		strings.ContainsFunc(address, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsGraphic(r) }) {
		return ""
	}
	return address
}

func (u Update) sentence() string {
	text := fmt.Sprintf("Version %s of this agent is out, says the operator of router %s; install it the way you installed this one.", u.Version, short(u.Router))
	if u.Info != "" {
		text += " Read: " + u.Info
	}
	return text
}

// payoutStatus is called with mu held.
func (n *Node) payoutStatus() Payout {
	p := Payout{Address: n.payout.Key, Own: n.payout.IsZero()}
	if p.Own {
		p.Address = n.key
	}
	if n.current != nil {
		p.Confirmed = string(n.current.welcome.GetPayoutAddress()) == string(p.Address[:])
	}
	return p
}
