package trap

import (
	"slices"
	"strconv"
	"strings"
)

// form is what the spelling of an address says.
type form struct {
	segments []string // of the path, without empty ones
	params   []param
	family   string // the site's addresses that look like it
	dated    bool   // names a date
	years    []int  // that it names
}

type param struct{ name, value string }

// maxParts bounds what is looked at of a long path or query; what has more is at
// fault anyway.
const maxParts = 64

func formOf(url string) form {
	_, rest, _ := strings.Cut(url, "://")
	_, rest, _ = strings.Cut(rest, "/")
	path, query, _ := strings.Cut(rest, "?")
	var f form
	for s := range strings.SplitSeq(path, "/") {
		if s != "" && len(f.segments) < maxParts {
			f.segments = append(f.segments, s)
		}
	}
	for p := range strings.SplitSeq(query, "&") {
		if p != "" && len(f.params) < maxParts {
			name, value, _ := strings.Cut(p, "=")
			f.params = append(f.params, param{strings.ToLower(name), value})
		}
	}
	f.findDates()
	f.family = f.name()
	return f
}

// name makes one of all addresses that differ in what a generator would vary:
// numbers, tokens, the last part of the path, the values of parameters.
func (f *form) name() string {
	var b strings.Builder
	if len(f.segments) > 1 {
		b.WriteString(class(f.segments[0]))
	}
	b.WriteByte('/')
	if len(f.params) > 1 {
		return b.String() + "&+" // whichever they are: facets come in any combination
	}
	if len(f.params) == 1 {
		b.WriteByte('&')
		n := f.params[0].name
		b.WriteString(n[:min(len(n), 32)])
	}
	return b.String()
}

// class is a part of a path as it is, or what kind of token it is.
func class(s string) string {
	if opaque(s) {
		return "*"
	}
	if digits(s) == len(s) {
		return "#"
	}
	return s[:min(len(s), 64)]
}

// suspicious reports whether an address is of a kind that traps are made of, and
// good pages sometimes are: it has to earn its fetches.
func (f *form) suspicious() bool {
	if f.dated || len(f.params) >= 2 || len(f.segments) > 8 || f.comesTwice() {
		return true
	}
	for _, p := range f.params {
		if opaque(p.value) || strings.ContainsAny(p.value, "/?") || strings.Contains(p.value, "%2F") {
			return true
		}
	}
	for _, s := range f.segments {
		if strings.HasPrefix(s, "(") && len(s) > 16 { // a session between brackets
			return true
		}
	}
	return false
}

// comesTwice reports whether a part of the path that is not a number comes twice.
func (f *form) comesTwice() bool {
	for i, s := range f.segments {
		if digits(s) < len(s) && slices.Contains(f.segments[:i], s) {
			return true
		}
	}
	return false
}

// fault is what is wrong with an address whatever its family brings.
func (f *form) fault(l Limits, lastYear int) Reason {
	switch {
	case len(f.segments) > l.PathSegments:
		return PathDepth
	case f.repeats(l.Repeats):
		return Repetition
	case len(f.params) > l.Params || f.sameParam() > l.SameParam:
		return Query
	}
	for _, y := range f.years {
		if y < l.FirstYear || y > lastYear {
			return Calendar
		}
	}
	return ""
}

// maxPeriod is the longest part of a path whose repetition is looked for.
const maxPeriod = 4

// repeats reports whether up to four parts of the path come more than limit times
// in a row, numbers left out: /2020/01/01 is a date.
func (f *form) repeats(limit int) bool {
	for period := 1; period <= maxPeriod; period++ {
		run := 0 // parts equal to the one a period before
		for i := period; i < len(f.segments); i++ {
			if f.segments[i] == f.segments[i-period] && (period > 1 || digits(f.segments[i]) < len(f.segments[i])) {
				run++
			} else {
				run = 0
			}
			if run >= period*limit {
				return true
			}
		}
	}
	return false
}

func (f *form) sameParam() int {
	most := 0
	times := make(map[string]int, len(f.params))
	for _, p := range f.params {
		times[p.name]++
		most = max(most, times[p.name])
	}
	return most
}

// dateParams are names of parameters whose values are dates.
var dateParams = []string{"year", "y", "month", "date", "day", "from", "to", "start", "end", "since", "until", "cal", "tribe-bar-date"}

// findDates looks for years that stand for a date: before a month in the path, or
// as the value of a parameter that is named for one.
func (f *form) findDates() {
	for i, s := range f.segments {
		if y, ok := yearOf(s); ok && (len(s) > 4 || i+1 < len(f.segments) && month(f.segments[i+1])) {
			f.years, f.dated = append(f.years, y), true
		}
	}
	for _, p := range f.params {
		if slices.Contains(dateParams, p.name) {
			if y, ok := yearOf(p.value); ok {
				f.years = append(f.years, y)
			}
			f.dated = f.dated || p.value != "" && digits(p.value) > 0
		}
	}
}

// yearOf reads 2026, 2026-11 and 2026-11-26.
func yearOf(s string) (int, bool) {
	if len(s) != 4 && (len(s) < 7 || len(s) > 10 || s[4] != '-' || digits(s[5:7]) != 2) || digits(s[:4]) != 4 {
		return 0, false
	}
	y, err := strconv.Atoi(s[:4])
	return y, err == nil
}

func month(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && len(s) <= 2 && n >= 1 && n <= 12
}

// opaque reports whether s looks like a token and not like words: sixteen
// characters or more, with digits, and no dash or such between.
func opaque(s string) bool {
	return len(s) >= 16 && digits(s) > 0 && !strings.ContainsAny(s, "-_.+ ") || len(s) >= 32 && digits(s) >= 8
}

func digits(s string) int {
	n := 0
	for i := range len(s) {
		if isDigit(s[i]) {
			n++
		}
	}
	return n
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
