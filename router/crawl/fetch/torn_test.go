package fetch_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/fallow-network/fallow/router/crawl/fetch"
)

// tornConn is a connection whose loss reads as an error that wraps io.EOF, as
// libp2p's does.
type tornConn struct{ net.Conn }

func (c tornConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil {
		err = fmt.Errorf("stream reset: connection closed: %w", err)
	}
	return n, err
}

// Whoever carries the bytes may wrap io.EOF: a page of unknown length that ends
// like that is not whole.
func TestWrappedEndIsNoEnd(t *testing.T) {
	url, tr := server(t, false, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, page)
		w.(http.Flusher).Flush()
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = c.(interface{ NetConn() net.Conn }).NetConn().(*net.TCPConn).CloseWrite()
	})
	tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		return tornConn{c}, err
	}
	r, err := fetch.New(fetch.Config{UserAgent: "FallowBot/0.1 (+mailto:a@b.test)"}).Fetch(t.Context(), tr, url)
	if err == nil {
		t.Fatalf("half a page is a page: %q", r.Body)
	}
}
