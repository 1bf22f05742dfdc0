package demo

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// screen writes what a person reads: in place and in colour on a terminal,
// plain lines elsewhere.
type screen struct {
	out  io.Writer
	live bool

	drawn bool // a progress line stands unfinished
	last  time.Time
	shown string // what was written last
	text  string // what was not
}

// Where progress cannot be redrawn, it is written every plainEvery if it has
// changed, and every stillEvery if not.
const (
	plainEvery = 2 * time.Second
	stillEvery = 15 * time.Second
)

func newScreen(out io.Writer, live bool) *screen { return &screen{out: out, live: live} }

func (s *screen) paint(code, text string) string {
	if !s.live {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s *screen) title(text string) {
	_, _ = fmt.Fprintf(s.out, "\n%s\n", s.paint("1", text))
}

func (s *screen) line(label, format string, args ...any) {
	_, _ = fmt.Fprintf(s.out, "  %s  %s\n", s.paint("36", fmt.Sprintf("%-10s", label)), fmt.Sprintf(format, args...))
}

func (s *screen) command(format string, args ...any) {
	_, _ = fmt.Fprintf(s.out, "  %s\n", s.paint("32", fmt.Sprintf(format, args...)))
}

// progress shows how far something is, done being 0 to 1.
func (s *screen) progress(label string, done float64, text string) {
	const width = 24
	full := int(width * min(1, max(0, done)))
	if s.live {
		bar := strings.Repeat("█", full) + strings.Repeat("░", width-full)
		_, _ = fmt.Fprintf(s.out, "\r\x1b[K  %s  %s %s", s.paint("36", fmt.Sprintf("%-10s", label)), bar, text)
		s.drawn = true
		return
	}
	every := plainEvery
	if text == s.shown {
		every = stillEvery
	}
	s.text = label + "\x00" + text
	if time.Since(s.last) < every {
		return
	}
	s.last, s.shown = time.Now(), text
	s.line(label, "%s", text)
	s.text = ""
}

// endProgress leaves the last state standing.
func (s *screen) endProgress() {
	if s.drawn {
		_, _ = fmt.Fprintln(s.out)
		s.drawn = false
	}
	if label, text, ok := strings.Cut(s.text, "\x00"); ok {
		s.line(label, "%s", text)
	}
	s.text = ""
}

func (s *screen) table(head []string, rows func(row func(cells ...string))) {
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(w, "  %s\n", strings.Join(head, "\t"))
	rows(func(cells ...string) { _, _ = fmt.Fprintf(w, "  %s\n", strings.Join(cells, "\t")) })
	_ = w.Flush()
}

// size is n bytes for people.
func size(n uint64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	default:
		return fmt.Sprintf("%d B", n)
	}
}
