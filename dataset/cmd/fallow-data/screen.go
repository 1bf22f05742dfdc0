package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// screen writes for people: in colour on a terminal, plain elsewhere or where
// NO_COLOR is set.
type screen struct {
	out    io.Writer
	colour bool
	width  int // columns
}

const defaultWidth = 100

func newScreen(out io.Writer) screen {
	s := screen{out: out, width: defaultWidth}
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return s
	}
	s.colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 20 {
		s.width = width
	}
	return s
}

// printf writes; a reader that went away is not this program's problem.
func (s screen) printf(format string, args ...any) { _, _ = fmt.Fprintf(s.out, format, args...) }

func (s screen) paint(code, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s screen) good(text string) string  { return s.paint("32;1", text) }
func (s screen) bad(text string) string   { return s.paint("31;1", text) }
func (s screen) title(text string) string { return s.paint("1", text) }
func (s screen) faint(text string) string { return s.paint("2", text) }

// visible makes text from the web safe for a terminal: whatever is not
// printable, such as escape sequences and marks that turn the writing
// direction, is shown as an escape instead.
func visible(text string) string {
	if !strings.ContainsFunc(text, hidden) {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\ufffd"):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case !hidden(r):
			b.WriteRune(r)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u{%x}`, r)
		}
	}
	return b.String()
}

func hidden(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }

// cut shortens to at most width characters.
func cut(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	runes := []rune(text)
	return string(runes[:max(1, width-1)]) + "…"
}

func writeJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
