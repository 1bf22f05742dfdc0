package tunnel_test

import (
	"errors"
	"io"
	"net/http"
	"testing"
)

// A node whose connection dies in the middle of a chunked page must not make it
// look whole: what libp2p says then wraps io.EOF, and nobody above may see one.
func TestTornConnectionIsNoEndOfAPage(t *testing.T) {
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t, nil)
			wanted := make(chan struct{})
			k.serveSite(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, "half a page")
				w.(http.Flusher).Flush()
				select {
				case <-wanted:
				case <-r.Context().Done():
				}
			}), http2)
			defer close(wanted)
			resp, err := k.try("/")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			half := make([]byte, len("half a page"))
			if _, err := io.ReadFull(resp.Body, half); err != nil {
				t.Fatal(err)
			}
			if err := k.node.Network().ClosePeer(k.router.ID()); err != nil {
				t.Fatal(err)
			}
			if n, err := resp.Body.Read(half); err == nil || errors.Is(err, io.EOF) {
				t.Errorf("after half a page: %d bytes, error %v", n, err)
			}
		})
	}
}
