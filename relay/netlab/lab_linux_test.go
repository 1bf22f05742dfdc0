package netlab_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"golang.org/x/sys/unix"

	"github.com/fallow-network/fallow/relay/wire"
)

// patience is for anything that should happen at once, on a loaded machine.
const patience = 20 * time.Second

// workers attempts run at once; fewer than a node carries tunnels to one site.
const workers = 6

// lab is the world and the home as one test has them.
type lab struct {
	t      *testing.T
	dir    string
	router *router
	dns    *dns
	wire   *capture // what comes out of the home
	roots  *x509.CertPool

	mu  sync.Mutex // one order at a time
	in  *json.Encoder
	out *json.Decoder
}

// newLab lays everything and starts no node yet. It is called in a world.
func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, dir: t.TempDir()}
	home := l.startHome()
	if err := layWorld(home); err != nil {
		t.Fatal(err)
	}
	l.order(order{Do: "lay"})
	var err error
	if l.wire, err = startCapture(func(kind uint8) bool { return kind != unix.PACKET_OUTGOING }); err != nil {
		t.Fatal(err)
	}
	l.dns, l.router = startDNS(t), startRouter(t)
	l.startSites()
	return l
}

func (l *lab) startHome() (pid int) {
	l.t.Helper()
	cmd, err := again(roleNode)
	if err != nil {
		l.t.Fatal(err)
	}
	cmd.Stderr = l.t.Output()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { l.endHome(cmd, stdin) })
	l.in, l.out = json.NewEncoder(stdin), json.NewDecoder(stdout)
	l.order(order{Do: "hello"}) // it is in its namespaces now
	return cmd.Process.Pid
}

func (l *lab) endHome(cmd *exec.Cmd, stdin io.Closer) {
	_ = stdin.Close()
	kill := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	if err := cmd.Wait(); err != nil { // also when the race detector has found something
		l.t.Errorf("the home: %v", err)
	}
}

func (l *lab) order(o order) report {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var r report
	if err := l.in.Encode(o); err != nil {
		l.t.Fatalf("%s: %v", o.Do, err)
	}
	if err := l.out.Decode(&r); err != nil {
		l.t.Fatalf("%s: %v", o.Do, err)
	}
	if r.Err != "" {
		l.t.Fatal(r.Err)
	}
	return r
}

// startNode starts a node, after the one before has gone. It is the same one by
// its key, and knows nothing of the failures of its former life.
func (l *lab) startNode() {
	l.t.Helper()
	l.order(order{Do: "stop"})
	for began := time.Now(); len(l.router.host.Network().Conns()) > 0; time.Sleep(time.Millisecond) {
		if time.Since(began) > patience {
			l.t.Fatal("the node before is still connected")
		}
	}
	key := l.order(order{Do: "start", Routers: []string{l.router.addr()}, Dir: l.dir}).Key
	l.router.mu.Lock()
	defer l.router.mu.Unlock()
	l.router.node = key
}

// judge compares what has left the home, by its own capture and by the world's,
// with what was allowed to: sites as sight writes them, with how often at most.
func (l *lab) judge(allowed map[string]int) {
	l.t.Helper()
	world, err := l.wire.beginnings()
	if err != nil {
		l.t.Fatal(err)
	}
	router := sight("syn", netip.AddrPortFrom(netip.MustParseAddr(routerAddr), routerPort))
	for where, seen := range map[string]map[string]int{"in the home": l.order(order{Do: "seen"}).Seen, "on the wire": world} {
		wrong, syns := 0, 0
		for what, n := range seen {
			if strings.HasPrefix(what, "syn ") && what != router {
				syns += n
			}
			if what == router || what == "udp "+dnsAddr+":53" || n <= allowed[what] {
				continue
			}
			if wrong++; wrong <= 20 {
				l.t.Errorf("%s: %d x %s, allowed are %d", where, n, what, allowed[what])
			}
		}
		l.t.Logf("%s: %d SYNs to sites; %d destinations they must not go to", where, syns, wrong)
	}
}

// eachOf calls do for 0 to n-1, several at once.
func eachOf(n int, do func(i int)) {
	var all sync.WaitGroup
	next := make(chan int)
	for range workers {
		all.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()
}

// startSites answers at every address of the world on 80 and 443, with a
// certificate for whatever name is asked for. /endless sends until it is cut off;
// every other page is the address at which it was asked for.
func (l *lab) startSites() {
	l.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		l.t.Fatal(err)
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, root, root, key.Public(), key)
	if err != nil {
		l.t.Fatal(err)
	}
	if root, err = x509.ParseCertificate(der); err != nil {
		l.t.Fatal(err)
	}
	l.roots = x509.NewCertPool()
	l.roots.AddCert(root)
	server := &http.Server{
		Handler: http.HandlerFunc(site), ReadHeaderTimeout: patience,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		TLSConfig: &tls.Config{
			NextProtos: []string{"http/1.1"},
			GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
				leaf := &x509.Certificate{
					SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{hello.ServerName},
				}
				der, err := x509.CreateCertificate(rand.Reader, leaf, root, key.Public(), key)
				return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
			},
		},
	}
	l.t.Cleanup(func() { _ = server.Close() })
	for _, network := range []string{"tcp4", "tcp6"} {
		plain, err := net.Listen(network, ":80")
		if err != nil {
			l.t.Fatal(err)
		}
		secure, err := net.Listen(network, ":443")
		if err != nil {
			l.t.Fatal(err)
		}
		go func() { _ = server.Serve(plain) }()
		go func() { _ = server.ServeTLS(secure, "", "") }()
	}
}

func site(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/endless" {
		at, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		fmt.Fprint(w, at)
		return
	}
	for chunk := make([]byte, 16<<10); ; time.Sleep(5 * time.Millisecond) { // about 3 MB/s
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// get begins to read a page through an open tunnel.
func (l *lab) get(tunnel network.Stream, lease *wire.Lease, path string) (io.Reader, error) {
	scheme, conn := "http", net.Conn(tunnelConn{tunnel})
	if lease.TLS {
		scheme, conn = "https", tls.Client(conn, &tls.Config{ServerName: lease.Host, RootCAs: l.roots})
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(l.t.Context(), http.MethodGet, scheme+"://"+lease.Host+path, nil)
	if err != nil {
		return nil, err
	}
	request.Close = true
	if err := request.Write(conn); err != nil {
		return nil, err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), request)
	if err != nil {
		return nil, err
	}
	return response.Body, nil
}

// progress says how the long campaign gets on.
func progress(t *testing.T, done, all int) {
	if os.Getenv("FALLOW_SOAK") != "" && done%2000 < perLife {
		t.Logf("%d of %d", done, all)
	}
}
