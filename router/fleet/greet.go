package fleet

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode"

	"github.com/libp2p/go-libp2p/core/network"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
	"golang.org/x/time/rate"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

// greet reads the Hello, decides, and answers with Welcome or a Notice.
func (f *Fleet) greet(stream network.Stream) (*session, error) {
	s, reason, err := f.hello(stream)
	if err != nil {
		f.metrics.refused.WithLabelValues(reason.String()).Inc()
		if s != nil {
			s.end(reason)
		}
		_ = stream.Reset()
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), f.cfg.WriteTimeout)
	defer cancel()
	if err := f.remember(ctx, s.member, s.known); err != nil {
		_ = stream.Reset()
		return nil, fmt.Errorf("remember node %s: %w", s.member.Key, err)
	}
	if err := f.recall(ctx, s.member.Key, s.known); err != nil {
		_ = stream.Reset()
		return nil, fmt.Errorf("standing of node %s: %w", s.member.Key, err)
	}
	welcome := &pb.Welcome{
		Epoch: f.receipts.Epoch(), Formula: f.cfg.Formula, AddressClass: s.class,
		Country: s.member.Country, UnixMilli: f.now().UnixMilli(), RouterVersion: f.cfg.Version,
		ObservedAddress: f.observed(stream.Conn().RemoteMultiaddr()), Lab: f.cfg.Lab,
		NewestVersion: f.cfg.NewestAgent, NewestInfo: f.cfg.NewestInfo, PayoutAddress: s.member.payee(),
	}
	if err := s.write(&pb.RouterMessage{Body: &pb.RouterMessage_Welcome{Welcome: welcome}}); err != nil {
		_ = stream.Reset()
		return nil, fmt.Errorf("welcome node %s: %w", s.member.Key, err)
	}
	if err := f.admit(s); err != nil {
		return nil, err
	}
	// Whatever is stopped from now on, the session is told as one of the fleet.
	if err := s.tellHalt(f.InForce()); err != nil {
		f.drop(s)
		_ = stream.Reset()
		return nil, fmt.Errorf("tell node %s what is stopped: %w", s.member.Key, err)
	}
	return s, nil
}

// turnAway answers a session of a version that is no longer served.
func (f *Fleet) turnAway(stream network.Stream) {
	f.metrics.refused.WithLabelValues(wire.AgentTooOld.String()).Inc()
	_ = stream.SetDeadline(time.Now().Add(f.cfg.WriteTimeout))
	notice := &pb.RouterMessage{Body: &pb.RouterMessage_Notice{Notice: &pb.Notice{Reason: pb.Reason_AGENT_TOO_OLD}}}
	if err := wire.WriteFrame(stream, notice, wire.MaxSessionMessage); err != nil {
		_ = stream.Reset()
		return
	}
	_ = stream.Close()
}

// payee is the key that gets the node's payouts.
func (m Member) payee() []byte {
	if m.Payout.IsZero() {
		return m.Key[:]
	}
	return m.Payout[:]
}

func (f *Fleet) hello(stream network.Stream) (*session, wire.Reason, error) {
	now := f.now()
	key, err := wire.KeyFromPeer(stream.Conn().RemotePeer())
	if err != nil {
		return nil, wire.HelloMalformed, err
	}
	s := &session{
		known: f.knownOf(key), fleet: f, stream: stream, since: now, proposedAt: now,
		asks: newAsks(),
		pace: rate.NewLimiter(rate.Limit(f.cfg.MessageRate), f.cfg.MessageBurst),
	}
	if err := stream.SetReadDeadline(time.Now().Add(f.cfg.HelloTimeout)); err != nil {
		return nil, wire.HelloMalformed, err
	}
	var m pb.NodeMessage
	if err := wire.ReadFrame(stream, &m, wire.MaxSessionMessage); err != nil {
		return s, wire.HelloMalformed, fmt.Errorf("read hello: %w", err)
	}
	hello := m.GetHello()
	if hello == nil {
		return s, wire.HelloMalformed, fmt.Errorf("first message of %s is not a hello", key)
	}
	if hello.Lab != f.cfg.Lab {
		return s, wire.LabMismatch, fmt.Errorf("node %s: lab mode is %t there and %t here", key, hello.Lab, f.cfg.Lab)
	}
	payout, err := payoutOf(key, hello)
	if err != nil {
		return s, wire.PayoutProof, fmt.Errorf("node %s: %w", key, err)
	}
	s.maxTunnels = f.capacity(hello.MaxTunnels)
	s.reason = unshared(wire.Reason(hello.Sharing))
	remote := stream.Conn().RemoteMultiaddr()
	s.class = class(remote)
	s.member = Member{
		Key: key, Platform: clean(hello.Platform), AgentVersion: clean(hello.AgentVersion),
		Country: f.country(key, remote), Clump: f.clump(remote), Payout: payout, SeenAt: now,
	}
	return s, wire.OK, nil
}

// payoutOf is where the node wants its payouts, zero for its own key. The error is
// wire.ErrPayoutProof if that address does not want them.
func payoutOf(node wire.Key, hello *pb.Hello) (wire.Key, error) {
	var payout wire.Key
	if len(hello.PayoutAddress) == 0 {
		return payout, nil
	}
	if len(hello.PayoutAddress) != len(payout) {
		return payout, wire.ErrPayoutProof
	}
	copy(payout[:], hello.PayoutAddress)
	if payout == node {
		return wire.Key{}, nil
	}
	return payout, wire.VerifyPayout(node, payout, hello.PayoutProof)
}

// admit enters s, ending an older session of the same node.
func (f *Fleet) admit(s *session) error {
	now := f.now()
	f.mu.Lock()
	old := f.sessions[s.member.Key]
	full := old == nil && len(f.order) >= f.cfg.MaxNodes
	stopping := f.stopping
	if !full && !stopping {
		f.sessions[s.member.Key] = s
		if old != nil {
			f.remove(old)
		}
		s.mu.Lock()
		if now.After(s.credited) {
			s.credited = now
		}
		s.mu.Unlock()
		f.order = append(f.order, s)
		f.metrics.connected.Set(float64(len(f.order)))
	}
	f.mu.Unlock()
	switch {
	case stopping:
		s.end(wire.RouterStopping)
		return fmt.Errorf("node %s: router is stopping", s.member.Key)
	case full:
		s.end(wire.RouterFull)
		return fmt.Errorf("node %s: all %d places are taken", s.member.Key, f.cfg.MaxNodes)
	case old != nil:
		old.end(wire.SessionReplaced)
	}
	return nil
}

func (f *Fleet) drop(s *session) {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.remove(s)
	if f.sessions[s.member.Key] == s {
		delete(f.sessions, s.member.Key)
	}
	f.metrics.connected.Set(float64(len(f.order)))
}

// remove takes s out of the order. The caller holds the lock.
func (f *Fleet) remove(s *session) {
	for i, other := range f.order {
		if other == s {
			last := len(f.order) - 1
			f.order[i] = f.order[last]
			f.order[last] = nil
			f.order = f.order[:last]
			return
		}
	}
}

// capacity is what the node offers, cut to the router's bound.
func (f *Fleet) capacity(offered uint32) int {
	return int(min(offered, uint32(f.cfg.MaxTunnels)))
}

// clean makes a peer's free text safe to store and show: printable, 64 bytes.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	if len(s) > 64 {
		s = strings.ToValidUTF8(s[:64], "")
	}
	return s
}

func class(a ma.Multiaddr) string {
	switch {
	case manet.IsIPLoopback(a):
		return "loopback"
	case manet.IsPublicAddr(a):
		return "public"
	default:
		return "private"
	}
}

func clumpKey(key ed25519.PrivateKey) []byte {
	mac := hmac.New(sha256.New, key.Seed())
	mac.Write([]byte("fallow-clump-v1"))
	return mac.Sum(nil)
}

// clump names the network a node sits in, a /24 or a /48, by a keyed hash, so
// that the ledger can tell neighbours without anybody learning the address.
func (f *Fleet) clump(a ma.Multiaddr) string {
	addr, ok := address(a)
	if !ok || addr.IsLoopback() {
		return ""
	}
	size := 48
	if addr.Is4() {
		size = 24
	}
	prefix, err := addr.Prefix(size)
	if err != nil {
		return ""
	}
	mac := hmac.New(sha256.New, f.clumpKey)
	mac.Write([]byte(prefix.String()))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// country is where a node is, as far as the router can tell.
func (f *Fleet) country(node wire.Key, a ma.Multiaddr) string {
	addr, ok := address(a)
	if !ok || f.cfg.Country == nil {
		return ""
	}
	return f.cfg.Country(node, addr)
}

// observed is what a node is told of its own address, which it cannot see from
// behind a home router and must never dial.
func (f *Fleet) observed(a ma.Multiaddr) string {
	addr, ok := address(a)
	if !ok || addr.IsLoopback() || f.cfg.Lab {
		return ""
	}
	return addr.String()
}

func address(a ma.Multiaddr) (netip.Addr, bool) {
	ip, err := manet.ToIP(a)
	if err != nil {
		return netip.Addr{}, false
	}
	addr, ok := netip.AddrFromSlice(ip)
	return addr.Unmap(), ok
}
