// Package page turns the bytes of one fetched document into what the rest of
// the router works with: clean text, links, title, metas, language. It decodes
// the character set by the WHATWG rules, parses once, and either extracts the
// main text with go-trafilatura (mode full) or strips the tags in a single
// tokenizer pass (mode fast).
//
// It does no I/O, follows nothing and decides nothing: whether a link may be
// fetched is router/crawl/gate's business, which address two links share is
// router/dedupe's. Only packages under router may import it.
package page

import (
	"errors"

	"github.com/fallow-network/fallow/router/page/language"
)

// ErrUnsupported marks a content type this package cannot read as text.
var ErrUnsupported = errors.New("unsupported content type")

// ErrTooLarge marks a body over Bounds.BodyBytes.
var ErrTooLarge = errors.New("body too large")

// Mode says how the text is taken from an HTML document.
type Mode uint8

const (
	// Full builds a DOM and extracts the main text with go-trafilatura.
	Full Mode = iota
	// Fast reads the tokens once and keeps the text outside navigation,
	// headers, footers, asides, scripts and styles. Links are the same as in
	// Full, the text is coarser.
	Fast
)

// String is "full" or "fast".
func (m Mode) String() string {
	if m == Fast {
		return "fast"
	}
	return "full"
}

// Input is one fetched document.
type Input struct {
	// Body is the document without content coding (gzip and such undone). It
	// is only read.
	Body []byte
	// ContentType is the response's header as it came; empty means sniff.
	ContentType string
	// URL is the absolute address the document came from, after redirects.
	URL string
	// LinkHeaders are the values of the response's Link header, if any.
	LinkHeaders []string
}

// Options steer Parse. The zero value is mode full with the default bounds.
type Options struct {
	Mode   Mode
	Bounds Bounds
}

// Page is what one document says.
type Page struct {
	// MIME is the media type the body was read as, without parameters.
	MIME string
	// Charset is the WHATWG name of the encoding the body was decoded from.
	Charset string
	// Title is the <title> (or, without one, og:title) on one line.
	Title string
	// Lang is the document's own claim, <html lang>, as written.
	Lang string
	// Canonical is the absolute rel=canonical address, or empty.
	Canonical string
	// Links are absolute http and https addresses without fragment, in
	// document order, each once.
	Links []Link
	// Metas are the document's <meta> elements in order.
	Metas []Meta
	// JSONLD are the blocks of linked data as they stand in the document, valid
	// JSON or not, at most 16 and 256 KiB in all. ReadLinked reads them.
	JSONLD []string
	// Licence is the licence the document names for itself.
	Licence Licence
	// Text is the main text: valid UTF-8 in NFC, no control characters except
	// newline and tab, no space at either end. Empty when there is none.
	Text string
	// Language is detected from Text.
	Language language.Language
	// TokenEstimate is an estimate, not a count: see EstimateTokens.
	TokenEstimate int64
	// Mode is the mode that produced Text; Fast although Full was asked when
	// Degraded says why.
	Mode Mode
	// Degraded is why Full fell back to Fast: "nesting", "nodes", "extractor",
	// "short" (too little to tell main text from the rest), or empty.
	Degraded string
	// Extractor and ExtractorVersion name what produced Text, for the record.
	Extractor, ExtractorVersion string
}

// Link is one address a document points to.
type Link struct {
	URL string
	Rel Rel
}

// Rel is the set of link relations the crawl cares about.
type Rel uint8

const (
	// RelNoFollow: rel contains nofollow. Of several links to one address
	// this holds only when all of them say so.
	RelNoFollow Rel = 1 << iota
	// RelCanonical, RelAlternate and RelNext come from <link> (and rel=next
	// from <a> too).
	RelCanonical
	// RelAlternate: another form of the page (language, feed).
	RelAlternate
	// RelNext: the next page of a series.
	RelNext
)

// Has reports whether all of want is set.
func (r Rel) Has(want Rel) bool { return r&want == want }

// Meta is one <meta> element: Name is its name, property or http-equiv in
// lower case, Content its content on one line.
type Meta struct {
	Name, Content string
}
