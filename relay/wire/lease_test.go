package wire_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

var (
	routerKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	nodeKey   = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, ed25519.SeedSize))
	signedAt  = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
)

func newLease() *wire.Lease {
	return &wire.Lease{
		Serial: wire.Serial{7}, Router: wire.KeyOf(routerKey), Node: wire.KeyOf(nodeKey),
		Host: "docs.example.org", Port: 443, TLS: true, Job: "j-1", Purpose: "test", Dataset: "docs",
		MaxUp: wire.DefaultLeaseUp, MaxDown: wire.DefaultLeaseDown, NotAfter: signedAt.Add(wire.LeaseWindow),
	}
}

func TestLeaseRoundTrip(t *testing.T) {
	lease := newLease()
	signature, err := lease.Sign(routerKey)
	if err != nil {
		t.Fatal(err)
	}
	got, err := wire.OpenLease(lease.Encode(), signature)
	if err != nil {
		t.Fatal(err)
	}
	if *got != *lease {
		t.Errorf("opened %+v, want %+v", got, lease)
	}
}

// The encoding is signed and kept in journals for years: it must never change.
func TestLeaseEncodingIsFixed(t *testing.T) {
	const want = "66616c6c6f772d6c656173652d76310a" + "07000000000000000000000000000000"
	got := hex.EncodeToString(newLease().Encode())
	if !strings.HasPrefix(got, want) {
		t.Errorf("encoding begins %s, want %s", got[:len(want)], want)
	}
	const tail = "0010" + "646f63732e6578616d706c652e6f7267" + "01bb" + "01" + "0003" + "6a2d31" + "0004" + "74657374" +
		"0004" + "646f6373" + "0000000000010000" + "0000000004000000" + "000001a20847e860"
	if !strings.HasSuffix(got, tail) {
		t.Errorf("encoding ends %s, want %s", got[len(got)-len(tail):], tail)
	}
}

func TestEveryFlippedBitOfALeaseIsFound(t *testing.T) {
	lease := newLease()
	signature, err := lease.Sign(routerKey)
	if err != nil {
		t.Fatal(err)
	}
	encoded := lease.Encode()
	for i := range encoded {
		for bit := range 8 {
			forged := bytes.Clone(encoded)
			forged[i] ^= 1 << bit
			if _, err := wire.OpenLease(forged, signature); err == nil {
				t.Fatalf("byte %d bit %d flipped, still accepted", i, bit)
			}
		}
	}
	for i := range signature {
		forged := bytes.Clone(signature)
		forged[i] ^= 1
		if _, err := wire.OpenLease(encoded, forged); !errors.Is(err, wire.ErrLeaseSignature) {
			t.Fatalf("signature byte %d flipped: %v", i, err)
		}
	}
}

func TestLeaseOfAnotherRouter(t *testing.T) {
	lease := newLease()
	if _, err := lease.Sign(nodeKey); !errors.Is(err, wire.ErrLeaseMalformed) {
		t.Errorf("signed with a foreign key: %v", err)
	}
	signature := ed25519.Sign(nodeKey, lease.Encode())
	if _, err := wire.OpenLease(lease.Encode(), signature); !errors.Is(err, wire.ErrLeaseSignature) {
		t.Errorf("foreign signature: %v", err)
	}
}

func TestLeaseForm(t *testing.T) {
	tests := map[string]struct {
		change func(*wire.Lease)
		want   error
	}{
		"no job":        {func(l *wire.Lease) { l.Job = "" }, wire.ErrLeaseMalformed},
		"long job":      {func(l *wire.Lease) { l.Job = strings.Repeat("j", wire.MaxJob+1) }, wire.ErrLeaseMalformed},
		"long purpose":  {func(l *wire.Lease) { l.Purpose = strings.Repeat("p", wire.MaxPurpose+1) }, wire.ErrLeaseMalformed},
		"job in colour": {func(l *wire.Lease) { l.Job = "\x1b[31m" }, wire.ErrLeaseMalformed},
		"job in Greek":  {func(l *wire.Lease) { l.Job = "αβγ" }, wire.ErrLeaseMalformed},
		"torn purpose":  {func(l *wire.Lease) { l.Purpose = "caf\xc3" }, wire.ErrLeaseMalformed},
		"torn dataset":  {func(l *wire.Lease) { l.Dataset = "\xff" }, wire.ErrLeaseMalformed},
		"nothing up":    {func(l *wire.Lease) { l.MaxUp = 0 }, wire.ErrLeaseMalformed},
		"too much up":   {func(l *wire.Lease) { l.MaxUp = wire.MaxLeaseUp + 1 }, wire.ErrLeaseMalformed},
		"nothing down":  {func(l *wire.Lease) { l.MaxDown = 0 }, wire.ErrLeaseMalformed},
		"too much down": {func(l *wire.Lease) { l.MaxDown = wire.MaxLeaseDown + 1 }, wire.ErrLeaseMalformed},
		"port 0":        {func(l *wire.Lease) { l.Port = 0 }, wire.ErrLeaseMalformed},
		"IP literal":    {func(l *wire.Lease) { l.Host = "192.0.2.1" }, wire.ErrHostForbidden},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			lease := newLease()
			test.change(lease)
			if _, err := lease.Sign(routerKey); !errors.Is(err, test.want) {
				t.Errorf("signing: %v, want %v", err, test.want)
			}
			// A router that does not check is caught by the node.
			signature := ed25519.Sign(routerKey, lease.Encode())
			if _, err := wire.OpenLease(lease.Encode(), signature); !errors.Is(err, test.want) {
				t.Errorf("opening: %v, want %v", err, test.want)
			}
		})
	}
}

// Every text of an encoding is UTF-8, also where a rule of its own comes later.
func TestDecoderTakesOnlyUTF8(t *testing.T) {
	lease := newLease()
	lease.Host = "\xff.example"
	encoded := lease.Encode()
	if _, err := wire.OpenLease(encoded, ed25519.Sign(routerKey, encoded)); !errors.Is(err, wire.ErrLeaseMalformed) {
		t.Errorf("a host that is not UTF-8: %v", err)
	}
}

func TestLeaseTime(t *testing.T) {
	lease := newLease()
	tests := map[string]struct {
		now  time.Time
		want error
	}{
		"at once":              {signedAt, nil},
		"clock behind, grace":  {signedAt.Add(-wire.ClockGrace), nil},
		"clock too far behind": {signedAt.Add(-wire.ClockGrace - time.Second), wire.ErrLeaseEarly},
		"last moment":          {lease.NotAfter.Add(wire.ClockGrace), nil},
		"too late":             {lease.NotAfter.Add(wire.ClockGrace + time.Second), wire.ErrLeaseExpired},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if err := lease.CheckTime(test.now); !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
}

func TestCheckHost(t *testing.T) {
	good := []string{"example.org", "a-b.example.org", "xn--bcher-kva.example", "_dmarc.example.org", "1.2.3.4.example", "localhost"}
	for _, host := range good {
		if err := wire.CheckHost(host); err != nil {
			t.Errorf("%q refused: %v", host, err)
		}
	}
	bad := []string{
		"", ".", "example.org.", ".example.org", "a..b", "Example.org", "exämple.org", "a b.org", "a/b", "a:80", "user@host",
		"127.0.0.1", "::1", "[::1]", "0x7f.1", "0x7f000001", "2130706433", "127.1", "0177.0.0.1", "example.0x1f",
		"-a.example", "a-.example", strings.Repeat("a", 64) + ".example", strings.Repeat("a.", 127) + "example", "a\x00b.org", "fe80::1%eth0",
	}
	for _, host := range bad {
		if err := wire.CheckHost(host); !errors.Is(err, wire.ErrHostForbidden) {
			t.Errorf("%q: %v, want ErrHostForbidden", host, err)
		}
	}
}

func FuzzOpenLease(f *testing.F) {
	lease := newLease()
	signature, _ := lease.Sign(routerKey)
	f.Add(lease.Encode(), signature)
	f.Add([]byte("fallow-lease-v1\n"), []byte{})
	f.Fuzz(func(t *testing.T, encoded, signature []byte) {
		opened, err := wire.OpenLease(encoded, signature)
		if err != nil {
			return
		}
		if !bytes.Equal(opened.Encode(), encoded) {
			t.Error("an accepted lease has a second encoding")
		}
	})
}
