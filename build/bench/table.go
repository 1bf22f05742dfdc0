package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
)

// print writes a table for each group: a line a benchmark, a column a unit.
func (r results) print(out io.Writer) error {
	for _, g := range r.groups {
		w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
		fmt.Fprintf(w, "\n%s\t%s\n", g.name, strings.Join(g.units, "\t"))
		for _, line := range g.rows {
			fmt.Fprintf(w, "  %s", line.name)
			for _, unit := range g.units {
				fmt.Fprintf(w, "\t%s", g.cell(line, unit))
			}
			fmt.Fprintln(w)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// cell is one figure: the median, how far the samples lay apart if there were
// several, and the ratio to the base if there is one.
func (g *group) cell(line *row, unit string) string {
	median, spread, ok := line.median(unit)
	if !ok {
		return "-"
	}
	text := number(median)
	if len(line.samples[unit]) > 1 {
		text += fmt.Sprintf(" ±%.0f%%", spread*100)
	}
	base := g.base()
	if base == nil || base == line {
		return text
	}
	if of, _, ok := base.median(unit); ok && of != 0 {
		text += fmt.Sprintf("  %sx", number(median/of))
	}
	return text
}

// number writes v with three digits that count, and thousands set apart.
func number(v float64) string {
	if math.Abs(v) < 1000 {
		digits := 3
		if v != 0 {
			digits = min(max(2-int(math.Floor(math.Log10(math.Abs(v)))), 0), 6)
		}
		text := strconv.FormatFloat(v, 'f', digits, 64)
		if strings.Contains(text, ".") {
			text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
		}
		return text
	}
	text := strconv.FormatFloat(v, 'f', 0, 64)
	for at := len(text) - 3; at > 0 && text[at-1] != '-'; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}
