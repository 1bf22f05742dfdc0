package lab

import (
	"cmp"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Entry is one request a site received.
type Entry struct {
	// Start is when the handler was entered, Took until it returned; zero for
	// a request that is still running.
	Start time.Time
	Took  time.Duration
	// Host is lower case without port; Path is the request target with query.
	Method, Host, Path string
	UserAgent          string
	// Proto is "HTTP/1.1" or "HTTP/2.0"; Remote is the client's IP address.
	Proto, Remote string
	// Status and Bytes (of the body, on the wire) are zero while running.
	Status int
	Bytes  int64
}

// Manners is how one host was treated, computed from its entries.
type Manners struct {
	Host     string
	Requests int
	// MaxConcurrent is the most requests in flight at one time.
	MaxConcurrent int
	// MinGap is the shortest time between two starts; zero with fewer than
	// two requests.
	MinGap time.Duration
}

// accessLog keeps the first limit entries and counts the rest.
type accessLog struct {
	now   func() time.Time
	limit int

	mu       sync.Mutex
	entries  []Entry
	overflow int64
}

// begin adds the entry of a request and returns its index, -1 when full.
func (l *accessLog) begin(r *http.Request) int {
	remote, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		remote = r.RemoteAddr
	}
	e := Entry{
		Method: r.Method, Host: hostOnly(r.Host), Path: r.URL.RequestURI(),
		UserAgent: r.UserAgent(), Proto: r.Proto, Remote: remote,
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.entries) >= l.limit {
		l.overflow++
		return -1
	}
	e.Start = l.now() // inside the lock, so that entries are in order of start
	l.entries = append(l.entries, e)
	return len(l.entries) - 1
}

func (l *accessLog) end(index int, w *countingWriter) {
	if index < 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	e := &l.entries[index]
	e.Took, e.Status, e.Bytes = l.now().Sub(e.Start), w.status, w.bytes
}

func (l *accessLog) snapshot() ([]Entry, int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries), l.overflow
}

// JudgeManners computes concurrency and spacing per host, sorted by host. An
// entry that is still running counts as running to the end of the log.
func JudgeManners(entries []Entry) []Manners {
	byHost := make(map[string][]Entry)
	for _, e := range entries {
		byHost[e.Host] = append(byHost[e.Host], e)
	}
	out := make([]Manners, 0, len(byHost))
	for _, host := range sortedKeys(byHost) {
		list := byHost[host]
		slices.SortStableFunc(list, func(a, b Entry) int { return a.Start.Compare(b.Start) })
		m := Manners{Host: host, Requests: len(list), MaxConcurrent: maxConcurrent(list)}
		for i := 1; i < len(list); i++ {
			if gap := list[i].Start.Sub(list[i-1].Start); i == 1 || gap < m.MinGap {
				m.MinGap = gap
			}
		}
		out = append(out, m)
	}
	return out
}

// maxConcurrent sweeps over starts and ends; at one instant an end comes
// before a start, so back-to-back requests do not count as concurrent.
func maxConcurrent(list []Entry) int {
	type edge struct {
		at   time.Time
		step int
	}
	edges := make([]edge, 0, 2*len(list))
	for _, e := range list {
		edges = append(edges, edge{e.Start, +1})
		if e.Status != 0 {
			edges = append(edges, edge{e.Start.Add(e.Took), -1})
		}
	}
	slices.SortStableFunc(edges, func(a, b edge) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.step, b.step))
	})
	running, most := 0, 0
	for _, e := range edges {
		running += e.step
		most = max(most, running)
	}
	return most
}

// countingWriter notes status and body bytes for the log.
type countingWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *countingWriter) WriteHeader(status int) {
	// 1xx are not the answer.
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *countingWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach Flush and Hijack.
func (w *countingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
