package page

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// event is a token in a form that can be compared.
type event struct {
	kind        token
	atom        atom.Atom
	selfClosing bool
	attrs       attrs
	text        string
}

// join appends an event, texts to texts.
func join(list []event, e event) []event {
	if n := len(list); n > 0 && e.kind == tokenText && list[n-1].kind == tokenText {
		list[n-1].text += e.text
		return list
	}
	return append(list, e)
}

// modelEvents are what x/net's tokenizer makes of a document.
func modelEvents(body []byte) (list []event) {
	z := html.NewTokenizer(bytes.NewReader(body))
	for {
		kind := z.Next()
		switch kind {
		case html.ErrorToken:
			return list
		case html.TextToken:
			list = join(list, event{kind: tokenText, text: string(z.Text())})
			continue
		case html.StartTagToken, html.SelfClosingTagToken, html.EndTagToken:
		default:
			continue
		}
		name, more := z.TagName()
		e := event{kind: tokenOpen, atom: atom.Lookup(name), selfClosing: kind == html.SelfClosingTagToken}
		if elements[e.atom] == nil {
			continue
		}
		if kind == html.EndTagToken {
			e.kind = tokenClose
		}
		var a attrs
		for more {
			var key, value []byte
			key, value, more = z.TagAttr()
			a.set(string(key), string(value))
		}
		if traitsOf(e.atom)&withAttrs != 0 {
			e.attrs = a
		}
		list = append(list, e)
	}
}

func scannerEvents(body []byte) (list []event) {
	s := scanner{src: body}
	for {
		kind := s.next()
		switch kind {
		case tokenEnd:
			return list
		case tokenText:
			list = join(list, event{kind: kind, text: string(unescapeText(s.text, s.verbatim, s.escaped, true))})
		case tokenOpen:
			e := event{kind: kind, atom: s.element.atom, selfClosing: s.selfClosing}
			if s.element.has(withAttrs) {
				var a attrs
				a.read(&s)
				e.attrs = a
			}
			list = append(list, e)
		case tokenClose:
			list = append(list, event{kind: kind, atom: s.element.atom})
		}
	}
}

func checkScanner(t *testing.T, body string) {
	t.Helper()
	// The tokenizer changes what it is given; each has its own.
	got, want := scannerEvents([]byte(body)), modelEvents([]byte(body))
	if !slices.Equal(got, want) {
		t.Fatalf("%q\n got %+v\nwant %+v", body, got, want)
	}
}

var scannerSeeds = []string{
	"", "<", "</", "<a", "<a ", "</a", "a<b>c", "<p>a<1 & b</p>", "x</>y", "</ p>z", "<!>a", "<!", "<!-", "<!--", "<!-->a", "<!--->a", "<!-- - -- -->a", "<!--a--!>b",
	"<!--a--!-->b", "<!--a--!x-->b", "<!--a--!", "<!--a->b-->c", "<!DOCTYPE html><p>", "<!doctype", "<?xml a?>b", "<![CDATA[x]]>y",
	"<A HREF=x REL='no\"follow' Rel=y>t</A >", "<a href>", "<a href=>", "<a href= >", "<a =href=x>", "<a href=x/>", "<a href=x / >", "<a href='x'/>", "<a/href=x>", "<a x/y=z/>",
	"<nav/>a</nav>b", "<nav a=b a=c/>", "<a href='?a=1&b=2&amp;c=3&amp;copy=4&copy=5&d'>", "<a href=?a&amp;b&lt=&lt;>", "<script><!-- <Script </script> --></script>a", "<script><!-- <scrip> </script>b",
	"<nav a=/>", "<nav A=b x a=/>", "<nav a=b =a=/>", "<nav a=b a=/>", "<a href='a&amp;b&copy=1&copy;&notit;&#65;\x00\r\n'>", "<a href=\"&quot;'\" href=2>", "<a href=a'b\"c&amp;d>",
	"<script>a</script>b", "<script><!--<script></script>--></script>c", "<script><!-- a </script>b", "<script>a</scriptx></SCRIPT >b", "<style>a<b></style>c", "<script", "<script>",
	"<title>a&amp;b\x00</title>c", "<textarea>a<b>&lt;</textarea>", "<plaintext>a<b>&amp;", "<xmp>a&amp;\x00</xmp>", "<noscript><a href=x></noscript>", "<iframe></iframe", "<title></title>",
	"a\r\nb\rc&#13;d\x00", "&amp&lt;&notin;&bogus;&#x41;&#0;", "<blockquote><figcaption><x-nav><na\x16v><h1><h\x11>", "<xml:lang xml:lang=x><html lang='' xml:lang=de>", "<meta http-equiv=a content=b name=c property=d>",
	"<a\x00 href=x>", "<a href\x00=x>", "<a \"href=x\">y</a>", "<p a='>' b=\">\">z", "<p a='", "<script></script", "<title>a</tit</title>",
}

// The scanner meets what x/net's tokenizer meets.
func TestScannerLikeTokenizer(t *testing.T) {
	t.Parallel()
	for _, body := range scannerSeeds {
		checkScanner(t, body)
		for i := range body { // and every way to break off
			checkScanner(t, body[:i])
		}
	}
	checkScanner(t, strings.Join(scannerSeeds, ""))
	for i := range scannerSeeds {
		checkScanner(t, strings.Join(scannerSeeds[i:], " "))
	}
}

func FuzzScanner(f *testing.F) {
	for _, body := range scannerSeeds {
		f.Add(body)
	}
	f.Fuzz(checkScanner)
}
