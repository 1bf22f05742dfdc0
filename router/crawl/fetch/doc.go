// Package fetch gets one URL with colly over a given http.RoundTripper and
// turns whatever comes back into a Result or a classified *Failure, within
// bounds on time, header, wire bytes, decoded bytes and compression ratio.
//
// It decides nothing about a URL: robots.txt, politeness, the choice of a node
// and what to do about a redirect (which is a Result like any other) belong to
// its importer, router/crawl. It parses no page and knows no tunnel: the
// RoundTripper is an ordinary http.Transport that happens to dial through one.
//
// colly performs the request; a RoundTripper of ours stands between it and the
// network, because colly bounds only compressed bytes and truncates silently.
package fetch
