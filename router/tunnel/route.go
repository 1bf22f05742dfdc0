package tunnel

import (
	"net/http"
	"sync/atomic"
)

// route is the transport of one Route. net/http does not know that a tunnel's
// lease can run out: route closes worn tunnels between requests, and repeats a
// request that met a spent one all the same.
type route struct {
	*http.Transport
	worn  atomic.Bool
	spent atomic.Uint64 // how often a tunnel refused bytes
}

// spentTries is how often a request is tried that meets spent tunnels.
const spentTries = 4

// RoundTrip implements http.RoundTripper.
func (r *route) RoundTrip(req *http.Request) (*http.Response, error) {
	for try := 1; ; try++ {
		if r.worn.Swap(false) {
			r.CloseIdleConnections()
		}
		before := r.spent.Load()
		resp, err := r.Transport.RoundTrip(req)
		// An HTTP/2 connection whose tunnel is spent takes every request on it
		// along, each with an error of its own. Repeating is safe: requests
		// without a body change nothing.
		if err == nil || req.Body != nil || r.spent.Load() == before || try == spentTries || req.Context().Err() != nil {
			return resp, err
		}
		r.CloseIdleConnections()
	}
}
