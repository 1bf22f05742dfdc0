// Package frontier holds the URLs still to fetch: which ones, in what order,
// and when the next request to a site may start. It is the one place in a
// router that decides when a site is asked, so its clock is the politeness of
// the whole fleet.
//
// An item lives on disk from [Frontier.Add] until a [Removal] commits in the
// caller's own batch:
//
//	Add -> queued -> Next -> in flight -> Release -> awaiting commit -> Finish -> gone
//	          ^                              |
//	          +------------ Retry -----------+
//
// Everything after "queued" is memory only, so a process that dies hands every
// unfinished item out again, once, and nothing that was finished. The seen set
// survives too: a URL enters a job's queue once in the job's life.
//
// The state is in a Pebble database that the caller opens and shares; all keys
// here begin with 'f' (see keys.go). Writes are not synced one by one: they are
// durable with the caller's next synced commit or with [Frontier.Sync], and a
// crash before that loses only the newest of them, in order.
//
// The package does not fetch, does not read robots.txt and does not canonicalise
// URLs. router/crawl is its only importer.
package frontier
