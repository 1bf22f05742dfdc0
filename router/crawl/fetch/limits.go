package fetch

import "time"

// MaxHeaderBytes is the default bound of a response header. Whoever builds the
// http.Transport sets its MaxResponseHeaderBytes to it, because only the
// transport can stop reading in the middle of a header; Fetch checks it again.
const MaxHeaderBytes = 64 << 10

// Limits are the bounds of one fetch. A zero field takes its default.
type Limits struct {
	// HeaderBytes bounds the response header. Default MaxHeaderBytes.
	HeaderBytes int64
	// BodyBytes bounds the decoded body and, in between, the output of each
	// content coding. Default 10 MiB.
	BodyBytes int64
	// WireBytes bounds the body as sent. Default BodyBytes + 64 KiB.
	WireBytes int64
	// Ratio bounds decoded bytes per wire byte, once RatioFloor decoded bytes
	// have come. Default 100.
	Ratio int64
	// RatioFloor is the decoded size below which Ratio does not apply: small
	// repetitive pages compress beyond it honestly. Default 1 MiB.
	RatioFloor int64
	// Total bounds the whole fetch, dialling and body included. Default 60 s.
	Total time.Duration
	// FirstByte bounds the wait for the response header. Default 30 s.
	FirstByte time.Duration
	// Idle bounds the wait for the next bytes of the body. Default 15 s.
	Idle time.Duration
	// ContentTypes are the media types whose bodies are read, in lower case
	// without parameters. Default DefaultContentTypes.
	ContentTypes []string
	// AnyContentType reads the body whatever its media type. Default false.
	AnyContentType bool
	// Cut ends a body that is over BodyBytes or WireBytes there and sets
	// Result.Cut, where it would otherwise be a failure. Default false: what
	// may become a record is whole or nothing. It is for robots.txt.
	Cut bool
}

// DefaultContentTypes are the media types read by default: pages, and the text
// formats of sitemaps, feeds and listings.
func DefaultContentTypes() []string {
	return []string{
		"text/html", "application/xhtml+xml", "text/plain",
		"application/json", "application/ld+json", "application/feed+json", "application/activity+json", "text/json",
		"application/xml", "text/xml", "application/rss+xml", "application/atom+xml", "application/rdf+xml",
	}
}

// DefaultLimits are the bounds used on the real web.
func DefaultLimits() Limits { return Limits{}.withDefaults() }

func (l Limits) withDefaults() Limits {
	setDefault(&l.HeaderBytes, MaxHeaderBytes)
	setDefault(&l.BodyBytes, 10<<20)
	setDefault(&l.WireBytes, l.BodyBytes+64<<10)
	setDefault(&l.Ratio, 100)
	setDefault(&l.RatioFloor, 1<<20)
	setDefault(&l.Total, 60*time.Second)
	setDefault(&l.FirstByte, 30*time.Second)
	setDefault(&l.Idle, 15*time.Second)
	if len(l.ContentTypes) == 0 {
		l.ContentTypes = DefaultContentTypes()
	}
	return l
}

func setDefault[T int64 | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}
