package visits_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/fallow-network/fallow/router/crawl/visits"
)

var noon = time.Date(2026, 11, 1, 12, 0, 30, 0, time.UTC)

func open(t *testing.T, fs vfs.FS, limits visits.Limits) (*visits.Log, func()) {
	t.Helper()
	db, err := pebble.Open("db", &pebble.Options{FS: fs, Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := visits.Open(db, limits)
	if err != nil {
		t.Fatal(err)
	}
	return l, func() {
		if err := l.Flush(); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

type quiet struct{}

func (quiet) Infof(string, ...any)           {}
func (quiet) Errorf(string, ...any)          {}
func (quiet) Fatalf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }

func note(t *testing.T, l *visits.Log, host, job string, at time.Time, times int) {
	t.Helper()
	for range times {
		if err := l.Note(host, job, at); err != nil {
			t.Fatal(err)
		}
	}
}

func lookup(t *testing.T, l *visits.Log, host string, from, to time.Time) ([]visits.Visit, bool) {
	t.Helper()
	list, more, err := l.Lookup(host, from, to)
	if err != nil {
		t.Fatal(err)
	}
	return list, more
}

func TestLookup(t *testing.T) {
	fs := vfs.NewMem()
	l, closeAll := open(t, fs, visits.DefaultLimits())
	note(t, l, "a.example", "j-1", noon, 3)
	note(t, l, "a.example", "j-2", noon.Add(time.Minute), 1)
	note(t, l, "b.example", "j-1", noon.Add(time.Minute), 1)
	note(t, l, "a.example", "j-1", noon.Add(13*time.Hour), 2) // the next day
	closeAll()
	l, closeAll = open(t, fs, visits.DefaultLimits())
	defer closeAll()
	note(t, l, "a.example", "j-1", noon.Add(13*time.Hour), 2) // counted on after a restart

	got, more := lookup(t, l, "A.example", noon, noon.Add(time.Minute))
	want := []visits.Visit{
		{Job: "j-1", From: noon.Truncate(time.Minute), Span: time.Minute, Requests: 3},
		{Job: "j-2", From: noon.Add(time.Minute).Truncate(time.Minute), Span: time.Minute, Requests: 1},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || more {
		t.Errorf("got %v", got)
	}
	if got, _ = lookup(t, l, "a.example", noon, noon.Add(24*time.Hour)); len(got) != 3 || got[2].Requests != 4 {
		t.Errorf("over midnight: %v", got)
	}
	if got, _ = lookup(t, l, "c.example", noon, noon.Add(24*time.Hour)); len(got) != 0 {
		t.Errorf("a host that was not asked: %v", got)
	}
	if got, _ = lookup(t, l, "a.example", noon.Add(2*time.Minute), noon.Add(time.Hour)); len(got) != 0 {
		t.Errorf("another time: %v", got)
	}
}

func TestBounds(t *testing.T) {
	limits := visits.Limits{Days: 2, DayRows: 10, Open: 3, Answers: 5}
	l, closeAll := open(t, vfs.NewMem(), limits)
	defer closeAll()
	for i := range 40 { // the first ten by the minute, the others by the hour
		note(t, l, "a.example", "j", noon.Add(time.Duration(i)*time.Minute), 1)
	}
	if got, more := lookup(t, l, "a.example", noon, noon.Add(time.Hour)); len(got) != limits.Answers || !more {
		t.Errorf("%d answers, more %v", len(got), more)
	}
	got, _ := lookup(t, l, "a.example", noon.Add(39*time.Minute), noon.Add(39*time.Minute))
	if len(got) != 1 || got[0].Span != time.Hour || got[0].Requests != 30 {
		t.Errorf("beyond the bound: %v", got)
	}
	for day := 1; day <= 2; day++ {
		note(t, l, "a.example", "j", noon.AddDate(0, 0, day), 1)
	}
	if got, _ = lookup(t, l, "a.example", noon.Add(-time.Hour), noon.AddDate(0, 0, 3)); len(got) != 2 {
		t.Errorf("after two days: %v", got)
	}
	if _, err := visits.Open(nil, visits.Limits{}); err == nil {
		t.Error("no bounds were accepted")
	}
}
