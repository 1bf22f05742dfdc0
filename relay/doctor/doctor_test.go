package doctor_test

import (
	"crypto/ed25519"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	libp2pquic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"

	"github.com/fallow-network/fallow/relay"
	"github.com/fallow-network/fallow/relay/doctor"
	"github.com/fallow-network/fallow/relay/rules"
	"github.com/fallow-network/fallow/relay/uplink"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/identity"
)

// startRouter answers on TCP and QUIC of loopback.
func startRouter(t *testing.T) host.Host {
	t.Helper()
	h, err := libp2p.New(
		libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"),
		libp2p.Transport(tcp.NewTCPTransport), libp2p.Transport(libp2pquic.NewTransport),
		libp2p.Security(libp2ptls.ID, libp2ptls.New), libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		libp2p.DisableRelay(), libp2p.DisableMetrics(), libp2p.ResourceManager(&network.NullResourceManager{}),
	)
	if err != nil {
		t.Fatal(err)
	}
	h.SetStreamHandler(wire.SessionProtocol, func(s network.Stream) { _, _ = s.Read(make([]byte, 1)) })
	t.Cleanup(func() { _ = h.Close() })
	return h
}

func routers(t *testing.T, id string, hosts ...string) []uplink.Router {
	t.Helper()
	for i := range hosts {
		hosts[i] += "/p2p/" + id
	}
	r, err := uplink.ParseRouters(hosts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func agreed() (rules.Consent, error) {
	return rules.Consent{Version: rules.ConsentVersion(), AcceptedAt: time.Now()}, nil
}

// healthy is a patient with nothing wrong but what the test does to it.
func healthy(t *testing.T) doctor.Patient {
	t.Helper()
	p := doctor.Patient{Dir: t.TempDir(), Consent: agreed, Timeout: 2 * time.Second}
	if err := os.Chmod(p.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := identity.LoadOrCreate(p.Dir); err != nil {
		t.Fatal(err)
	}
	return p
}

// results are the results of a step, in order.
func results(all []doctor.Finding, step string) string {
	var out []string
	for _, f := range all {
		if f.Step == step {
			out = append(out, string(f.Result))
		}
	}
	return strings.Join(out, " ")
}

func TestTheWayToARouter(t *testing.T) {
	r, other := startRouter(t), startRouter(t)
	tcpAt, quicAt := r.Addrs()[0].String(), r.Addrs()[1].String()
	if !strings.Contains(tcpAt, "tcp") {
		tcpAt, quicAt = quicAt, tcpAt
	}
	for name, tt := range map[string]struct {
		routers             []uplink.Router
		dns, tcp, quic, key string
	}{
		"reached":       {routers(t, r.ID().String(), tcpAt, quicAt), "", "ok", "ok", "ok ok"},
		"wrong key":     {routers(t, other.ID().String(), tcpAt), "", "ok", "", "failed"},
		"nobody there":  {routers(t, r.ID().String(), "/ip4/127.0.0.1/tcp/1"), "", "failed", "", ""},
		"no QUIC there": {routers(t, r.ID().String(), "/ip4/127.0.0.1/udp/1/quic-v1"), "", "", "failed", ""},
		"no such name":  {routers(t, r.ID().String(), "/dns4/router.invalid/tcp/1"), "failed", "", "", ""},
	} {
		p := healthy(t)
		p.Routers = tt.routers
		all := doctor.Examine(t.Context(), p)
		if results(all, "dns") != tt.dns || results(all, "tcp") != tt.tcp || results(all, "quic") != tt.quic || results(all, "router key") != tt.key {
			t.Errorf("%s: %+v", name, all)
		}
		if doctor.Failed(all) != (name != "reached") {
			t.Errorf("%s: failed is %v", name, doctor.Failed(all))
		}
	}
}

func TestNothingIsDialledWithoutConsent(t *testing.T) {
	r := startRouter(t)
	dialled := make(chan struct{}, 8)
	r.Network().Notify(&network.NotifyBundle{ConnectedF: func(network.Network, network.Conn) { dialled <- struct{}{} }})
	p := healthy(t)
	p.Routers = routers(t, r.ID().String(), r.Addrs()[0].String())
	p.Consent = func() (rules.Consent, error) { return rules.Consent{}, nil }
	all := doctor.Examine(t.Context(), p)
	if results(all, "consent") != "failed" || results(all, "dns") != "skipped" || len(dialled) > 0 {
		t.Errorf("%d connections: %+v", len(dialled), all)
	}
}

func TestWhatIsAtHome(t *testing.T) {
	for name, tt := range map[string]struct {
		harm func(*doctor.Patient)
		step string
		want string
	}{
		"open directory": {func(p *doctor.Patient) { _ = os.Chmod(p.Dir, 0o755) }, "data directory", "failed"},
		"no directory":   {func(p *doctor.Patient) { p.Dir += "/none" }, "data directory", "skipped"},
		"exposed key":    {func(p *doctor.Patient) { _ = os.Chmod(p.Dir+"/"+identity.FileName, 0o644) }, "identity", "failed"},
		"broken key":     {func(p *doctor.Patient) { _ = os.WriteFile(p.Dir+"/"+identity.FileName, nil, 0o600) }, "identity", "failed"},
		"broken rules": {func(p *doctor.Patient) {
			p.Consent = func() (rules.Consent, error) { return rules.Consent{}, errors.New("broken") }
		}, "consent", "failed"},
		"no router":     {func(*doctor.Patient) {}, "routers", "failed"},
		"broken list":   {func(p *doctor.Patient) { p.Err = errors.New("broken") }, "routers", "failed"},
		"no agent":      {func(*doctor.Patient) {}, "agent", "note"},
		"clock is off":  {func(p *doctor.Patient) { p.Status.Routers[0].SkewMillis = -3_600_000 }, "clock", "failed"},
		"clock is good": {func(*doctor.Patient) {}, "clock", "ok"},
		"class":         {func(p *doctor.Patient) { p.Status.Routers[0].Class = "residential" }, "address class", "ok"},
		"paused":        {func(p *doctor.Patient) { p.Status.Sharing.Sentence = "Paused." }, "rules", "note"},
	} {
		p := healthy(t)
		if strings.HasPrefix(name, "clock") || name == "class" || name == "paused" {
			p.Status = &relay.Status{Routers: []relay.RouterStatus{{Connected: true}}}
		}
		tt.harm(&p)
		if all := doctor.Examine(t.Context(), p); results(all, tt.step) != tt.want {
			t.Errorf("%s: %+v", name, all)
		}
	}
}

// A report is made to be shown around.
func TestNoSecrets(t *testing.T) {
	p := healthy(t)
	id, err := identity.Load(p.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, harm := range []func(){
		func() {},
		func() { _ = os.Chmod(p.Dir, 0o500) },
	} {
		harm()
		for _, f := range doctor.Examine(t.Context(), p) {
			text := f.Found + f.Do
			if strings.Contains(text, p.Dir) || strings.Contains(text, string(identity.Format(id.Private))) ||
				strings.Contains(text, wire.Key(ed25519.PublicKey(id.Private.Seed())).String()) {
				t.Errorf("%s: %s", f.Step, text)
			}
		}
	}
	_ = os.Chmod(p.Dir, 0o700)
}
