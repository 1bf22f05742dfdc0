// Package gate decides whether a URL may be fetched and what its site says
// about the use of the page: robots.txt (RFC 9309) for the first, and for the
// second every opt-out signal we know of, wherever it stands: AIPREF
// Content-Usage, Cloudflare Content-Signal, TDMRep, RSL, X-Robots-Tag, meta
// robots, ai.txt, and what robots.txt tells the known AI crawlers.
//
// The policy is in two steps. What robots.txt forbids to our product token is
// not fetched. What may be fetched but whose training use anybody refused is
// fetched and marked: a refusal outweighs any permission, and silence stays
// silence. Every answer carries the line it rests on, because it is stored with
// the record and may be contested.
//
// The gate does no network I/O of its own: it asks a Fetcher, so that robots.txt
// comes through the fleet under the same bounds and politeness as a page. It
// keeps no state on disk, chooses no node and keeps no politeness clock.
// router/crawl is its importer.
package gate
