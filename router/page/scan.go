package page

import (
	"bytes"
	"io"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// token is what a scanner met.
type token uint8

const (
	tokenEnd   token = iota // of the document
	tokenText               // scanner.text
	tokenOpen               // a start tag of a known element
	tokenClose              // an end tag of a known element
)

// scanner cuts a document into the text and the tags of known elements, as the
// tokenizer of x/net/html would, which is its model in the tests. It copies
// nothing and looks only at the attributes it is asked for, which makes it
// several times as fast. Comments, declarations and unknown elements pass
// unmentioned.
type scanner struct {
	src []byte
	at  int // where the next token begins
	raw *element

	text []byte
	// verbatim: the text is that of an element that holds no mark-up.
	// escaped: character references in it mean characters.
	verbatim, escaped bool

	element     *element
	attrs       []byte // of a start tag, with its ">"
	selfClosing bool   // the start tag ends in "/>"
}

// next is the next token.
func (s *scanner) next() token {
	if raw := s.raw; raw != nil {
		s.raw = nil
		end := s.endOfRaw(raw)
		s.text, s.verbatim, s.escaped = s.src[s.at:end], true, raw.has(escapable)
		s.at = end
		if len(s.text) > 0 {
			return tokenText
		}
	}
	start := s.at
	for at := start; ; {
		lt := bytes.IndexByte(s.src[at:], '<')
		if lt < 0 || at+lt+1 == len(s.src) {
			return s.textTo(start, len(s.src))
		}
		at += lt
		c := s.src[at+1]
		if !letter(c) && c != '/' && c != '!' && c != '?' {
			at++
			continue
		}
		if at > start {
			return s.textTo(start, at)
		}
		end, kind := s.markup(at, c)
		if end < 0 { // "</" and no more
			return s.textTo(start, len(s.src))
		}
		s.at = end
		if kind != tokenText {
			return kind
		}
		start, at = end, end
	}
}

// textTo makes a text of what stands from start to end.
func (s *scanner) textTo(start, end int) token {
	s.text, s.verbatim, s.escaped, s.at = s.src[start:end], false, true, end
	if start == end {
		return tokenEnd
	}
	return tokenText
}

// markup passes over the mark-up that begins at "<" and c, and says where it ends;
// tokenText says that there is nothing to tell of it.
func (s *scanner) markup(at int, c byte) (end int, kind token) {
	switch {
	case letter(c):
		return s.startTag(at + 1)
	case c == '/' && at+2 == len(s.src):
		return -1, tokenText
	case c == '/' && letter(s.src[at+2]):
		return s.endTag(at + 2)
	case c == '!' && bytes.HasPrefix(s.src[at+2:], []byte("--")):
		return endOfComment(s.src, at+4), tokenText
	}
	return s.after(at+1, '>'), tokenText
}

// after is the place behind the next c from at on, or the end.
func (s *scanner) after(at int, c byte) int {
	if i := bytes.IndexByte(s.src[at:], c); i >= 0 {
		return at + i + 1
	}
	return len(s.src)
}

func (s *scanner) startTag(at int) (end int, kind token) {
	name := endOfName(s.src, at)
	known := elementOf(s.src[at:name])
	end, bare := endOfTag(s.src, name)
	if end < 0 {
		return len(s.src), tokenEnd // a tag without an end is none
	}
	if known == nil {
		return end, tokenText
	}
	s.element, s.attrs = known, s.src[name:end]
	s.selfClosing = s.src[end-2] == '/' && end-2 >= name
	if s.selfClosing && bare == end-1 {
		// The slash ends a value without quotes. It counts only if the value does
		// not, because an attribute of that name came before.
		s.selfClosing = s.lastRepeats()
	}
	if known.has(rawText) {
		s.raw = known
	}
	return end, tokenOpen
}

func (s *scanner) endTag(at int) (end int, kind token) {
	name := endOfName(s.src, at)
	if end, _ = endOfTag(s.src, name); end < 0 {
		return len(s.src), tokenEnd
	}
	if s.element = elementOf(s.src[at:name]); s.element == nil {
		return end, tokenText
	}
	return end, tokenClose
}

// Kinds of characters in tags.
const (
	endsName  = 1 << iota // white space, "/", ">"
	endsKey               // and "="
	endsValue             // white space, ">"
	isBlank               // white space
	isLetter
)

var charKind = func() (k [256]uint8) {
	for _, c := range " \n\r\t\f" {
		k[c] |= endsName | endsKey | endsValue | isBlank
	}
	k['/'] |= endsName | endsKey
	k['>'] |= endsName | endsKey | endsValue
	k['='] |= endsKey
	for c := 'a'; c <= 'z'; c++ {
		k[c] |= isLetter
		k[c-'a'+'A'] |= isLetter
	}
	return k
}()

func letter(c byte) bool { return charKind[c]&isLetter != 0 }

// skipTo is the first place from at on with a character of a kind, or the end.
func skipTo(src []byte, at int, kind uint8) int {
	for at < len(src) && charKind[src[at]]&kind == 0 {
		at++
	}
	return at
}

func skipBlank(src []byte, at int) int {
	for at < len(src) && charKind[src[at]]&isBlank != 0 {
		at++
	}
	return at
}

func endOfName(src []byte, at int) int { return skipTo(src, at, endsName) }

// attribute is one as it stands in the document: key is lower-cased by whoever
// compares it.
type attribute struct {
	key, value []byte
	next       int // where what follows begins
	bare       int // where a value without quotes ends; 0 for others
}

// attributeAt reads the attribute that begins at at, which is neither blank nor
// ">". It reports false when the document ends first.
func attributeAt(src []byte, at int) (a attribute, ok bool) {
	end := at
	if src[at] == '=' {
		end++ // belongs to the name here
	}
	end = skipTo(src, end, endsKey)
	a.key, a.next = src[at:end], end
	at = skipBlank(src, end)
	if at == len(src) {
		return a, false
	}
	switch src[at] {
	case '/':
		a.next = at + 1
		return a, true
	case '=':
		at = skipBlank(src, at+1)
	default:
		a.next = at
		return a, true
	}
	if at == len(src) {
		return a, false
	}
	switch quote := src[at]; quote {
	case '>':
		a.next = at
	case '"', '\'':
		i := bytes.IndexByte(src[at+1:], quote)
		if i < 0 {
			return a, false
		}
		a.value, a.next = src[at+1:at+1+i], at+i+2
	default:
		// The first character belongs to the value whatever it is.
		end := skipTo(src, at+1, endsValue)
		if end == len(src) {
			return a, false
		}
		a.value, a.bare, a.next = src[at:end], end, end
	}
	return a, true
}

// endOfTag is the place behind the ">" of the tag whose name ends at at, or -1
// when there is none, and where its last value ends if that has no quotes.
func endOfTag(src []byte, at int) (end, bare int) {
	for {
		at = skipBlank(src, at)
		if at == len(src) {
			return -1, 0
		}
		if src[at] == '>' {
			return at + 1, bare
		}
		a, ok := attributeAt(src, at)
		if !ok {
			return -1, 0
		}
		at, bare = a.next, a.bare
	}
}

// attributes calls with for each attribute of a start tag, in order.
func (s *scanner) attributes(with func(key, value []byte)) {
	for at := skipBlank(s.attrs, 0); s.attrs[at] != '>'; at = skipBlank(s.attrs, at) {
		a, _ := attributeAt(s.attrs, at) // whole: the tag's end was found
		if len(a.key) > 0 {
			with(a.key, a.value)
		}
		at = a.next
	}
}

// lastRepeats reports whether the last attribute of a start tag has the name of
// one before it.
func (s *scanner) lastRepeats() bool {
	var last []byte
	s.attributes(func(key, _ []byte) { last = key })
	n := 0
	s.attributes(func(key, _ []byte) {
		if sameName(key, last) {
			n++
		}
	})
	return n > 1
}

// sameName compares names without regard to the case of ASCII letters.
func sameName(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i, c := range a {
		if c != b[i] && (c|0x20 != b[i]|0x20 || !letter(c)) {
			return false
		}
	}
	return true
}

// endOfComment is the place behind the comment whose text begins at at.
func endOfComment(src []byte, at int) int {
	dashes := at
	for dashes < len(src) && src[dashes] == '-' {
		dashes++
	}
	if dashes < len(src) && src[dashes] == '>' { // <!--> and <!--->
		return dashes + 1
	}
	for {
		i := bytes.Index(src[at:], []byte("--"))
		if i < 0 {
			return len(src)
		}
		for at += i; at < len(src) && src[at] == '-'; {
			at++
		}
		rest := src[at:]
		switch {
		case len(rest) == 0:
			return len(src)
		case rest[0] == '>':
			return at + 1
		case rest[0] == '!' && len(rest) > 1 && rest[1] == '>':
			return at + 2
		case rest[0] == '!':
			at++
		}
	}
}

// endOfRaw is where the text of an element ends that holds no mark-up: at its end
// tag.
func (s *scanner) endOfRaw(e *element) int {
	if e.atom == atom.Plaintext {
		return len(s.src)
	}
	name := e.atom.String()
	hiding := false // a comment began in a script
	for at := s.at; ; {
		i := bytes.IndexByte(s.src[at:], '<')
		if i < 0 {
			return len(s.src)
		}
		at += i
		rest := s.src[at+1:]
		hiding = hiding || e.atom == atom.Script && bytes.HasPrefix(rest, []byte("!--"))
		if hiding && len(rest) >= len(name) && sameName(rest[:len(name)], []byte(name)) {
			return s.at + s.hiddenScript()
		}
		if len(rest) > len(name)+1 && rest[0] == '/' && charKind[rest[len(name)+1]]&endsName != 0 &&
			sameName(rest[1:len(name)+1], []byte(name)) {
			return at
		}
		at++
	}
}

// hiddenScript is how long a script is in which a comment begins and then another
// script: the end tag need not be its end then, by rules that the tokenizer knows.
func (s *scanner) hiddenScript() int {
	z := html.NewTokenizer(io.MultiReader(strings.NewReader("<script>"), bytes.NewReader(s.src[s.at:])))
	z.Next()
	z.Next() // there is text: the comment's beginning at least
	return len(z.Raw())
}
