package main

import (
	"bufio"
	"io"
	"slices"
	"strconv"
	"strings"
)

// results are the figures of one run of go test, in the order they came.
type results struct {
	cpu    string // model, as go test names it
	groups []*group
}

// A group is the sub-benchmarks of one benchmark: what is compared.
type group struct {
	name  string // without the word Benchmark
	units []string
	rows  []*row
}

// A row is one benchmark, measured once or more.
type row struct {
	name    string
	samples map[string][]float64 // by unit
}

// parse reads the output of go test -bench run with procs processors, which go
// test appends to each name. Lines that are no results are passed over.
func parse(r io.Reader, procs int) results {
	res := results{cpu: "unknown processor"}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if cpu, ok := strings.CutPrefix(line, "cpu: "); ok {
			res.cpu = strings.TrimSpace(cpu)
			continue
		}
		fields := strings.Fields(line)
		if len(fields) < 4 || len(fields)%2 != 0 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		if _, err := strconv.Atoi(fields[1]); err != nil {
			continue
		}
		name := strings.TrimPrefix(fields[0], "Benchmark")
		if procs > 1 {
			name = strings.TrimSuffix(name, "-"+strconv.Itoa(procs))
		}
		res.add(name, fields[2:])
	}
	return res
}

// add notes one result line: the full name and its pairs of value and unit.
func (r *results) add(name string, pairs []string) {
	groupName, rowName := name, ""
	if at := strings.LastIndexByte(name, '/'); at >= 0 {
		groupName, rowName = name[:at], name[at+1:]
	}
	g := find(&r.groups, func(g *group) bool { return g.name == groupName }, &group{name: groupName})
	line := find(&g.rows, func(l *row) bool { return l.name == rowName },
		&row{name: rowName, samples: map[string][]float64{}})
	for pair := range slices.Chunk(pairs, 2) {
		value, err := strconv.ParseFloat(pair[0], 64)
		if err != nil {
			continue
		}
		unit := pair[1]
		if !slices.Contains(g.units, unit) {
			g.units = append(g.units, unit)
		}
		line.samples[unit] = append(line.samples[unit], value)
	}
}

// find returns the element of list that matches, or appends fresh.
func find[T any](list *[]*T, match func(*T) bool, fresh *T) *T {
	if i := slices.IndexFunc(*list, match); i >= 0 {
		return (*list)[i]
	}
	*list = append(*list, fresh)
	return fresh
}

// base is the row that the others of the group are compared with, or nil.
func (g *group) base() *row {
	for _, r := range g.rows {
		if strings.HasPrefix(r.name, "floor") || strings.HasPrefix(r.name, "peer") {
			return r
		}
	}
	return nil
}

// median of the samples of unit, with their spread: half of the range, as a
// part of the median. ok is false when the row was not measured in unit.
func (r *row) median(unit string) (median, spread float64, ok bool) {
	sorted := slices.Sorted(slices.Values(r.samples[unit]))
	n := len(sorted)
	if n == 0 {
		return 0, 0, false
	}
	median = (sorted[(n-1)/2] + sorted[n/2]) / 2
	if median != 0 {
		spread = (sorted[n-1] - sorted[0]) / 2 / median
	}
	return median, spread, true
}
