// Package api is the router's face over HTTP: the native interface under
// /api/v1 with its OpenAPI document, health, metrics, the files of datasets,
// and the page that tells site owners who crawls them. The client that the
// command line uses lives here too, so that both ends share one set of types.
//
// It holds no state and does no work of its own: what it answers comes from
// the small interfaces of Backend, which package router fills. It imports no
// sibling but router/crawl/job.
package api

import "context"

// Backend is what the API speaks for. All fields are needed; everything behind
// them is safe for concurrent use.
//
// Errors that a caller can act on are an *Error made by Invalid, NotFound,
// Conflict, Limited or Unavailable (or wrap job.ErrInvalid): their text is for
// the caller to read. Every other error is answered as "internal", and its text
// goes to the log alone.
type Backend struct {
	Jobs        Jobs
	Nodes       Nodes
	Epochs      Epochs
	Settlements Settlements
	Orders      Orders
	Books       Books
	Halts       Halts
	Datasets    Datasets
	Health      Health
	Owners      Owners
	Fetch       Fetch
}

// Health says whether the router can do its work.
type Health interface {
	// Ready is nil when it can. The text of the error is public, so it says
	// what is missing ("no node is connected") and no more.
	Ready(ctx context.Context) error
}

// Page asks for a part of a list.
type Page struct {
	After string // the key the part before ended with, "" = from the start
	Limit int    // entries at most, 1 to MaxPage; one more asks whether there are more
}

// MaxPage is the most entries one answer lists.
const MaxPage = 500
