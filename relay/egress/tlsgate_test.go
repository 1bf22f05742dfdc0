package egress_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"testing"

	"github.com/fallow-network/fallow/relay/egress"
	"github.com/fallow-network/fallow/relay/wire"
)

// realHello is what Go's own client sends first: one record.
func realHello(t testing.TB, cfg *tls.Config) []byte {
	t.Helper()
	client, server := net.Pipe()
	defer server.Close()
	go func() {
		_ = tls.Client(client, cfg).Handshake()
		_ = client.Close()
	}()
	header := make([]byte, 5)
	if _, err := io.ReadFull(server, header); err != nil {
		t.Fatal(err)
	}
	body := make([]byte, binary.BigEndian.Uint16(header[3:]))
	if _, err := io.ReadFull(server, body); err != nil {
		t.Fatal(err)
	}
	return append(header, body...)
}

func hello(t testing.TB, name string) []byte {
	return realHello(t, &tls.Config{ServerName: name, NextProtos: []string{"h2", "http/1.1"}})
}

// record wraps handshake bytes.
func record(kind byte, body []byte) []byte {
	return append([]byte{kind, 3, 1, byte(len(body) >> 8), byte(len(body))}, body...)
}

type extension struct {
	kind uint16
	body []byte
}

// craft builds a hello record with just these extensions.
func craft(extensions ...extension) []byte {
	var list []byte
	for _, e := range extensions {
		list = binary.BigEndian.AppendUint16(list, e.kind)
		list = binary.BigEndian.AppendUint16(list, uint16(len(e.body)))
		list = append(list, e.body...)
	}
	body := append([]byte{3, 3}, make([]byte, 32)...)
	body = append(body, 0, 0, 2, 0x13, 1, 1, 0)
	body = binary.BigEndian.AppendUint16(body, uint16(len(list)))
	body = append(body, list...)
	return record(22, message(1, body))
}

func message(kind byte, body []byte) []byte {
	return append([]byte{kind, byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body))}, body...)
}

func sni(names ...string) extension {
	var list []byte
	for _, n := range names {
		list = append(list, 0, byte(len(n)>>8), byte(len(n)))
		list = append(list, n...)
	}
	return extension{0, append(binary.BigEndian.AppendUint16(nil, uint16(len(list))), list...)}
}

// feed gives a stream to a gate in the given pieces and returns what it let out.
func feed(g egress.Gate, pieces ...[]byte) ([]byte, error) {
	var out []byte
	for _, p := range pieces {
		b, err := g.Admit(p)
		out = append(out, b...)
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

func TestRealHellosPass(t *testing.T) {
	for name, cfg := range map[string]*tls.Config{
		"tls 1.3":       {ServerName: "site.example.org", NextProtos: []string{"h2"}},
		"tls 1.2":       {ServerName: "site.example.org", MaxVersion: tls.VersionTLS12},
		"upper case":    {ServerName: "SITE.Example.ORG"},
		"session cache": {ServerName: "site.example.org", ClientSessionCache: tls.NewLRUClientSessionCache(1)},
	} {
		t.Run(name, func(t *testing.T) {
			in := realHello(t, cfg)
			out, err := feed(egress.NewTLSGate("site.example.org"), in)
			if err != nil || !bytes.Equal(out, in) {
				t.Errorf("let out %d of %d bytes, %v", len(out), len(in), err)
			}
		})
	}
}

func TestHelloIsHeldUntilWhole(t *testing.T) {
	in := hello(t, "site.example.org")
	for cut := 1; cut < len(in); cut++ {
		g := egress.NewTLSGate("site.example.org")
		if out, err := g.Admit(in[:cut]); err != nil || len(out) > 0 {
			t.Fatalf("cut at %d: %d bytes out, %v", cut, len(out), err)
		}
		if out, err := g.Admit(in[cut:]); err != nil || !bytes.Equal(out, in) {
			t.Fatalf("cut at %d: %d bytes out, %v", cut, len(out), err)
		}
	}
}

func TestHelloOverTwoRecordsAtEveryByte(t *testing.T) {
	good, bad := hello(t, "site.example.org"), hello(t, "other.example.org")
	for cut := 1; cut < len(good)-5; cut++ {
		in := append(record(22, good[5:5+cut]), record(22, good[5+cut:])...)
		if out, err := feed(egress.NewTLSGate("site.example.org"), in); err != nil || !bytes.Equal(out, in) {
			t.Fatalf("cut at %d: %d bytes out, %v", cut, len(out), err)
		}
		in = append(record(22, bad[5:5+cut]), record(22, bad[5+cut:])...)
		if out, err := feed(egress.NewTLSGate("site.example.org"), in); egress.ReasonOf(err) != wire.TLSSNIMismatch || len(out) > 0 {
			t.Fatalf("cut at %d: %d bytes out, %v", cut, len(out), err)
		}
	}
}

func TestHelloByteByByteInOneByteRecords(t *testing.T) {
	var in []byte
	for _, b := range hello(t, "site.example.org")[5:] {
		in = append(in, record(22, []byte{b})...)
	}
	out, err := feed(egress.NewTLSGate("site.example.org"), slices.Collect(slices.Chunk(in, 1))...)
	if err != nil || !bytes.Equal(out, in) {
		t.Errorf("let out %d of %d bytes, %v", len(out), len(in), err)
	}
}

func TestHellosRefused(t *testing.T) {
	host := sni("site.example.org")
	unhelloed := craft(host)
	for name, c := range map[string]struct {
		in   []byte
		want wire.Reason
	}{
		"plain http":           {[]byte("GET / HTTP/1.1\r\n"), wire.TLSNotTLS},
		"one wrong byte":       {[]byte{0}, wire.TLSNotTLS},
		"sslv2":                {[]byte{0x80, 0x2e, 1, 0, 2}, wire.TLSNotTLS},
		"record version 2":     {[]byte{22, 2}, wire.TLSNotTLS},
		"alert first":          {[]byte{21, 3, 1, 0, 2, 1, 0}, wire.TLSNotTLS},
		"change cipher first":  {[]byte{20, 3, 1, 0, 1, 1}, wire.TLSNotTLS},
		"application first":    {[]byte{23, 3, 3, 0, 1, 1}, wire.TLSNotTLS},
		"empty record":         {[]byte{22, 3, 1, 0, 0}, wire.TLSHelloMalformed},
		"record version 3.4":   {[]byte{22, 3, 4, 0, 9}, wire.TLSHelloMalformed},
		"record too long":      {[]byte{22, 3, 1, 0x40, 1}, wire.TLSHelloMalformed},
		"hello too long":       {record(22, []byte{1, 0, 0x40, 0}), wire.TLSHelloTooLarge},
		"hello far too long":   {record(22, []byte{1, 0xff, 0, 0}), wire.TLSHelloTooLarge},
		"server hello":         {record(22, message(2, make([]byte, 40))), wire.TLSHelloMalformed},
		"hello, then more":     {record(22, append(slices.Clone(unhelloed[5:]), 1)), wire.TLSHelloMalformed},
		"interrupted":          {append(record(22, unhelloed[5:9]), 21, 3, 1, 0, 2, 1, 0), wire.TLSHelloMalformed},
		"empty hello":          {record(22, message(1, nil)), wire.TLSHelloMalformed},
		"no extensions":        {craft(), wire.TLSSNIMissing},
		"no server name":       {craft(extension{10, []byte{0, 2, 0, 29}}), wire.TLSSNIMissing},
		"other name":           {craft(sni("other.example.org")), wire.TLSSNIMismatch},
		"name with dot":        {craft(sni("site.example.org.")), wire.TLSSNIMismatch},
		"name with nul":        {craft(sni("site.example.org\x00")), wire.TLSSNIMismatch},
		"name under it":        {craft(sni("a.site.example.org")), wire.TLSSNIMismatch},
		"two names":            {craft(sni("site.example.org", "site.example.org")), wire.TLSHelloMalformed},
		"empty name":           {craft(sni("")), wire.TLSHelloMalformed},
		"no name in list":      {craft(sni()), wire.TLSHelloMalformed},
		"name type 1":          {craft(extension{0, []byte("\x00\x04\x01\x00\x01a")}), wire.TLSHelloMalformed},
		"twice the extension":  {craft(host, host), wire.TLSHelloMalformed},
		"second names another": {craft(host, sni("other.example.org")), wire.TLSHelloMalformed},
		"ech":                  {craft(host, extension{0xfe0d, make([]byte, 40)}), wire.TLSECH},
		"ech before the name":  {craft(extension{0xfe0d, nil}, sni("other.example.org")), wire.TLSECH},
		"esni draft":           {craft(host, extension{0xffce, nil}), wire.TLSECH},
		"early data":           {craft(host, extension{42, nil}), wire.TLSHelloMalformed},
		"go without a name":    {realHello(t, &tls.Config{InsecureSkipVerify: true}), wire.TLSSNIMissing},
		"go with another name": {hello(t, "other.example.org"), wire.TLSSNIMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int{1, 7, len(c.in)} {
				g := egress.NewTLSGate("site.example.org")
				out, err := feed(g, slices.Collect(slices.Chunk(c.in, size))...)
				if egress.ReasonOf(err) != c.want || len(out) > 0 {
					t.Errorf("pieces of %d: %d bytes out, %v, want %s", size, len(out), err, c.want)
				}
				if _, again := g.Admit([]byte{22}); again == nil {
					t.Errorf("pieces of %d: the gate opened after a refusal", size)
				}
			}
		})
	}
}

// A second hello, as after a HelloRetryRequest, is held against the lease too,
// whatever a server would let stand before it.
func TestSecondHelloIsCheckedToo(t *testing.T) {
	good, bad := hello(t, "site.example.org"), hello(t, "other.example.org")
	ccs, warning := []byte{20, 3, 3, 0, 1, 1}, []byte{21, 3, 3, 0, 2, 1, 90}
	for name, between := range map[string][]byte{
		"at once":                       nil,
		"after change cipher spec":      ccs,
		"after a warning":               warning,
		"after both":                    append(slices.Clone(ccs), warning...),
		"after several change messages": bytes.Repeat(ccs, 3),
	} {
		t.Run(name, func(t *testing.T) {
			start := append(slices.Clone(good), between...)
			for cut := range 60 {
				second := append(record(22, bad[5:6+cut]), record(22, bad[6+cut:])...)
				in := append(slices.Clone(start), second...)
				out, err := feed(egress.NewTLSGate("site.example.org"), slices.Collect(slices.Chunk(in, 11))...)
				if egress.ReasonOf(err) != wire.TLSSNIMismatch || !bytes.HasPrefix(start, out) {
					t.Fatalf("cut at %d: %d bytes out, %v", cut, len(out), err)
				}
			}
			in := append(slices.Clone(start), good...)
			if out, err := feed(egress.NewTLSGate("site.example.org"), in); err != nil || !bytes.Equal(out, in) {
				t.Errorf("the same hello again: %d of %d bytes out, %v", len(out), len(in), err)
			}
		})
	}
}

func TestWhatFollowsTheHello(t *testing.T) {
	good := hello(t, "site.example.org")
	for name, c := range map[string]struct {
		in []byte
		ok bool
	}{
		"tls 1.3 end":            {append([]byte{20, 3, 3, 0, 1, 1}, record(23, make([]byte, 300))...), true},
		"tls 1.2 key exchange":   {append(record(22, message(16, make([]byte, 33))), 20, 3, 3, 0, 1, 1), true},
		"tls 1.2 resumed":        {append([]byte{20, 3, 3, 0, 1, 1}, record(22, make([]byte, 40))...), true},
		"encrypted, begins 01":   {append([]byte{20, 3, 3, 0, 1, 1}, record(22, bytes.Repeat([]byte{1, 0xee}, 20))...), true},
		"empty handshake record": {[]byte{22, 3, 3, 0, 0}, false},
		"heartbeat":              {record(24, []byte{1, 0, 0}), false},
		"long change message":    {record(20, []byte{1, 1}), false},
		"long alert":             {record(21, make([]byte, 26)), false},
		"oversized record":       {[]byte{22, 3, 3, 0xff, 0xff, 9}, false},
		"oversized second hello": {record(22, []byte{1, 1, 0, 0}), false},
		"http":                   {[]byte("GET / HTTP/1.1\r\n\r\n"), false},
	} {
		t.Run(name, func(t *testing.T) {
			in := append(slices.Clone(good), c.in...)
			for _, size := range []int{1, len(in)} {
				out, err := feed(egress.NewTLSGate("site.example.org"), slices.Collect(slices.Chunk(in, size))...)
				if (err == nil) != c.ok || c.ok && !bytes.Equal(out, in) {
					t.Errorf("pieces of %d: %d of %d bytes out, %v", size, len(out), len(in), err)
				}
			}
		})
	}
}

func FuzzClientHello(f *testing.F) {
	f.Add(hello(f, "site.example.org"), uint8(3))
	f.Add(hello(f, "other.example.org"), uint8(200))
	f.Add(realHello(f, &tls.Config{ServerName: "site.example.org", MaxVersion: tls.VersionTLS12}), uint8(1))
	f.Add(realHello(f, &tls.Config{InsecureSkipVerify: true}), uint8(50))
	f.Add(craft(sni("site.example.org"), extension{0xfe0d, []byte{0}}), uint8(9))
	f.Add(append(hello(f, "site.example.org"), hello(f, "other.example.org")...), uint8(99))
	f.Fuzz(func(t *testing.T, in []byte, size uint8) {
		whole, wholeErr := feed(egress.NewTLSGate("site.example.org"), in)
		if !bytes.HasPrefix(in, whole) {
			t.Fatal("what came out is not what went in")
		}
		pieces := slices.Collect(slices.Chunk(in, int(size)+1))
		out, err := feed(egress.NewTLSGate("site.example.org"), pieces...)
		if egress.ReasonOf(err) != egress.ReasonOf(wholeErr) || err == nil && !bytes.Equal(out, whole) {
			t.Fatalf("in pieces of %d: %d bytes, %v; at once: %d bytes, %v", int(size)+1, len(out), err, len(whole), wholeErr)
		}
		if len(out) > 0 && !bytes.Contains(bytes.ToLower(flatten(in)), []byte("site.example.org")) {
			t.Fatal("bytes came out without the host in any handshake record")
		}
	})
}

// flatten joins the bodies of the leading handshake records.
func flatten(in []byte) []byte {
	var out []byte
	for len(in) >= 5 && in[0] == 22 {
		n := min(len(in)-5, int(binary.BigEndian.Uint16(in[3:])))
		out = append(out, in[5:5+n]...)
		in = in[5+n:]
	}
	return out
}
