package page

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/fallow-network/fallow/router/page/language"
)

// fastExtractor and fastVersion name the tag stripper of this package; the
// version changes when its text for some document would.
const (
	fastExtractor = "fallow-fast"
	fastVersion   = "1"
	plainVersion  = "1"
)

// Parse reads one document. It returns ErrUnsupported for a content type that
// is neither HTML, plain text nor JSON, ErrTooLarge over the bound, and an
// error rather than a panic whatever the bytes are. It keeps no state and is
// safe for concurrent use; it takes memory of a few times the body's size.
func Parse(in Input, o Options) (page *Page, err error) {
	defer func() {
		if r := recover(); r != nil {
			page, err = nil, fmt.Errorf("parse page: panic: %v", r)
		}
	}()
	bounds := o.Bounds.withDefaults()
	if len(in.Body) > bounds.BodyBytes {
		return nil, fmt.Errorf("parse page of %d bytes: %w", len(in.Body), ErrTooLarge)
	}
	base, err := url.Parse(in.URL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, errors.Join(fmt.Errorf("parse page: %q is no absolute web address", in.URL), err)
	}
	mediaType := mediaTypeOf(in)
	form := formOf(mediaType)
	if form == formOther {
		return nil, fmt.Errorf("parse page: %w %q", ErrUnsupported, mediaType)
	}
	body, charset := decode(in.Body, in.ContentType)
	page = &Page{MIME: mediaType, Charset: charset, Mode: o.Mode}
	if form == formHTML {
		readHTML(page, in, body, base, bounds)
	} else {
		w := newPageText(bounds.TextBytes)
		w.write(body, true)
		page.Text = w.finishPage()
		page.Extractor, page.ExtractorVersion = "plain", plainVersion
	}
	page.Language = language.Detect(sample(page.Text, bounds.SampleBytes))
	page.TokenEstimate = EstimateTokens(page.Text)
	return page, nil
}

// readHTML fills a page in the mode it asks for, or in mode Fast when that
// cannot be done.
func readHTML(page *Page, in Input, body []byte, base *url.URL, bounds Bounds) {
	if page.Mode == Full {
		page.Degraded = readFull(page, in, body, base, bounds)
		if page.Degraded == "" {
			return
		}
		page.Mode = Fast
	}
	readFast(page, in, body, base, bounds)
	page.Extractor, page.ExtractorVersion = fastExtractor, fastVersion
}

// form is how a body is read.
type form uint8

const (
	formOther form = iota
	formHTML
	formText
)

// mediaTypeOf is the declared type in lower case without parameters, or the
// sniffed one when none is declared.
func mediaTypeOf(in Input) string {
	declared, _, _ := strings.Cut(in.ContentType, ";")
	if declared = strings.ToLower(strings.TrimSpace(declared)); declared != "" {
		return declared
	}
	if trimmed := bytes.TrimLeft(in.Body, " \t\r\n"); len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') {
		return "application/json"
	}
	sniffed, _, _ := strings.Cut(http.DetectContentType(in.Body), ";")
	return sniffed
}

func formOf(mediaType string) form {
	switch {
	case mediaType == "text/html", mediaType == "application/xhtml+xml":
		return formHTML
	case mediaType == "text/plain", mediaType == "text/markdown",
		mediaType == "application/json", mediaType == "text/json", strings.HasSuffix(mediaType, "+json"):
		return formText
	}
	return formOther
}
