package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fallow-network/fallow/dataset"
)

func show(s screen, o *overview) {
	var sum dataset.Summary
	if m := o.Manifest; m != nil {
		sum = m.Summary
		s.printf("%s  %s version %d, signed by %s\n", s.title("dataset"), visible(m.Dataset), m.Version, m.Router)
		s.printf("  %s\n  made %s by %s; schema %s; root %s\n", visible(m.Description), m.Created.Format(time.RFC3339), visible(m.Generator), visible(m.Schema), m.Root)
		s.printf("  memo that commits it: %s\n", visible(o.Memo))
		s.printf("  %d shard(s), %s; duplicates dropped: %d exact, %d near\n", len(m.Shards), size(m.Bytes), m.Duplicates.Exact, m.Duplicates.Near)
	} else {
		sum = o.Shard.Summary
		s.printf("%s  %s: %s; root %s\n", s.title("shard"), visible(o.Shard.File), size(o.Shard.Bytes), o.Shard.Root)
	}
	s.printf("  %d rows, %s of text, about %d tokens\n", sum.Rows, size(sum.TextBytes), sum.Tokens)
	s.printf("  fetched %s to %s\n", sum.FirstFetched.Format(time.RFC3339), sum.LastFetched.Format(time.RFC3339))
	showCounts(s, "languages", sum.Languages)
	showCounts(s, "sites", o.Sites)
	showCounts(s, "AI training, as sites say", sum.AITrain)
	showCounts(s, "transport", sum.Transports)
	showColumns(s, o.Columns)
	for _, p := range o.Preview {
		showRow(s, p)
	}
}

// showColumns lists the columns with the share of the file that each takes.
func showColumns(s screen, list []dataset.ColumnInfo) {
	total := int64(0)
	for _, c := range list {
		total += c.Stored
	}
	s.printf("\n%s (%d)\n", s.title("columns"), len(list))
	for _, c := range list {
		share := float64(c.Stored) / float64(max(total, 1)) * 100
		kind, _, _ := strings.Cut(c.Type, "[")
		kind, _, _ = strings.Cut(kind, "<")
		s.printf("  %-20s %-10s %9s %5.1f %%  %s\n", c.Name, kind, size(c.Stored), share, s.faint(cut(c.Description, max(20, s.width-53))))
	}
}

// size is a number of bytes for people.
func size(n int64) string {
	const units = "kMGTPE"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n)/1000, 0
	for v >= 999.95 && unit < len(units)-1 {
		v, unit = v/1000, unit+1
	}
	return fmt.Sprintf("%.1f %cB", v, units[unit])
}

// maxCounts is how many lines of each count are shown.
const maxCounts = 10

func showCounts(s screen, title string, counts map[string]int64) {
	names := make([]string, 0, len(counts))
	for name := range counts {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b)) })
	s.printf("\n%s (%d)\n", s.title(title), len(names))
	for _, name := range names[:min(len(names), maxCounts)] {
		s.printf("  %8d  %s\n", counts[name], visible(name))
	}
	if len(names) > maxCounts {
		s.printf("  %8s  %d more\n", "…", len(names)-maxCounts)
	}
}

func showRow(s screen, p preview) {
	r := p.Record
	s.printf("\n%s  %s\n", s.title(fmt.Sprintf("row %d of %s", p.Row, visible(p.File))), visible(r.URL))
	s.printf("  %s\n", cut(visible(r.Title), s.width-2))
	facts := []string{
		fmt.Sprintf("%s %.2f", strings.Trim(r.Language+"_"+r.LanguageScript, "_"), r.LanguageScore), fmt.Sprintf("%d tokens", r.TokenCount),
		fmt.Sprintf("%s %d", r.MIME, r.Status), "fetched " + r.FetchedAt.Format(time.RFC3339), "robots: " + r.Robots,
	}
	for label, value := range map[string]string{"train AI: ": r.AITrain, "licence: ": r.License, "collector: ": r.Collector} {
		if value != "" {
			facts = append(facts, label+value)
		}
	}
	slices.Sort(facts[5:])
	if n := r.PIIEmail + r.PIIPhone + r.PIIIBAN + r.PIINationalID; n > 0 {
		facts = append(facts, fmt.Sprintf("%d personal data found", n))
	}
	s.printf("  %s\n", s.faint(visible(strings.Join(facts, ", "))))
	head := r.Text[:min(len(r.Text), 16*s.width)]
	for _, line := range wrap(visible(strings.Join(strings.Fields(head), " ")), s.width-2, previewLines) {
		s.printf("  %s\n", line)
	}
}

// previewLines is how many lines of a text are shown.
const previewLines = 3

// wrap breaks text into at most so many lines of width characters, at spaces
// where there are any; the last ends in … if something is left out.
func wrap(text string, width, most int) (lines []string) {
	for text != "" {
		runes := []rune(text)
		if len(runes) <= width {
			return append(lines, text)
		}
		if len(lines) == most-1 {
			return append(lines, cut(text, width))
		}
		line := string(runes[:width+1])
		if space := strings.LastIndexByte(line, ' '); space > 0 {
			line = line[:space]
		} else {
			line = string(runes[:width])
		}
		lines = append(lines, line)
		text = strings.TrimPrefix(text[len(line):], " ")
	}
	return lines
}
