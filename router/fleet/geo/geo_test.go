package geo_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/router/fleet/geo"
)

func TestTable(t *testing.T) {
	c, err := geo.Read(strings.NewReader("# networks\n192.0.2.0/24 DE\n192.0.2.128/25 AT # a part\n2001:db8::/32 FR\n\n"))
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]string{
		"192.0.2.1": "DE", "192.0.2.200": "AT", "::ffff:192.0.2.1": "DE", "2001:db8::1": "FR", "198.51.100.1": "", "fe80::1%eth0": "",
	} {
		if got := c.Of(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s is in %q, want %q", addr, got, want)
		}
	}
}

func TestUnreadableFiles(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"a.txt": "192.0.2.0/24", "b.txt": "192.0.2.0/24 de", "c.txt": "192.0.2 DE", "d.mmdb": "not a database", "e.txt": strings.Repeat("x", 300),
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := geo.Open(path); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := geo.Open(filepath.Join(dir, "none")); err == nil {
		t.Error("a file that is not there was opened")
	}
}

func FuzzTable(f *testing.F) {
	f.Add("192.0.2.0/24 DE\n::/0 FR", "192.0.2.1")
	f.Fuzz(func(t *testing.T, table, addr string) {
		c, err := geo.Read(strings.NewReader(table))
		a, addrErr := netip.ParseAddr(addr)
		if err != nil || addrErr != nil {
			return
		}
		if got := c.Of(a); got != "" && len(got) != 2 {
			t.Fatalf("%q", got)
		}
	})
}
