package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"unicode"

	"golang.org/x/term"
)

// screen writes for people: in colour on a terminal, plain elsewhere or where
// NO_COLOR is set.
type screen struct {
	out      io.Writer
	terminal bool
	colour   bool
}

func newScreen(out io.Writer) screen {
	f, ok := out.(*os.File)
	terminal := ok && term.IsTerminal(int(f.Fd()))
	return screen{
		out: out, terminal: terminal,
		colour: terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
	}
}

func (s screen) printf(format string, args ...any) { fmt.Fprintf(s.out, format, args...) }

func (s screen) paint(code, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s screen) title(text string) string { return s.paint("1", text) }
func (s screen) warn(text string) string  { return s.paint("33;1", text) }
func (s screen) faint(text string) string { return s.paint("2", text) }

// table writes rows under a head, in columns.
func (s screen) table(head []string, rows [][]string) error {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{head}, rows...) {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = visible(cell)
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for i, line := range strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n") {
		line = strings.TrimRight(line, " ")
		if i == 0 {
			line = s.title(line)
		}
		s.printf("%s\n", line)
	}
	return nil
}

// fields writes names and values below each other; empty values are left out.
func (s screen) fields(list [][2]string) {
	width := 0
	for _, f := range list {
		width = max(width, len(f[0]))
	}
	for _, f := range list {
		if f[1] != "" {
			s.printf("%s  %s\n", s.faint(fmt.Sprintf("%-*s", width, f[0])), visible(f[1]))
		}
	}
}

// visible keeps text of nodes and sites from steering the terminal.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '\ufffd'
	}, text)
}

// writeJSON writes one line, for machines.
func writeJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// bytesText is a number of bytes as people read it.
func bytesText[N int64 | uint64](n N) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	value, units := float64(n)/1000, "kMGTPE"
	for value >= 999.95 && len(units) > 1 {
		value, units = value/1000, units[1:]
	}
	return fmt.Sprintf("%.1f %cB", value, units[0])
}
