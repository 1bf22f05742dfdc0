// Package dedupe decides when two things are the same: two spellings of one
// URL ([Canonical], [Resolve]) and two documents with one text ([Index]).
//
// It keeps the first document of a dataset and names it to whoever brings the
// next one. It does not fetch, parse pages or write records. router/crawl
// imports it, and whoever else must agree with the crawl on what an address is.
package dedupe
