package dataset

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/dataset/merkle"
)

// alter changes the value of one column in a way of its kind.
func (c *column[T]) alter(row *T) {
	switch c.kind {
	case kindText:
		*c.text(row) += "x"
	case kindBytes:
		*c.bytes(row) = append(*c.bytes(row), 'x')
	case kindBinary:
		c.binary(row)[0]++
	case kindInt64:
		*c.long(row)++
	case kindInt32:
		*c.short(row)++
	case kindFloat:
		*c.real(row)++
	case kindTime:
		*c.when(row) = c.when(row).Add(1000)
	default:
		*c.signals(row) = append([]Signal{{"x", "y"}}, *c.signals(row)...)
	}
}

// What is compared after writing is every value: a file that holds anything else
// than the rows is found, and the column named.
func TestReadBackComparesEveryColumn(t *testing.T) {
	table, rows := recordsTable(), few(40)
	list := make([]*Record, len(rows))
	for i := range rows {
		list[i] = &rows[i]
	}
	path := filepath.Join(t.TempDir(), "a")
	var root merkle.Hash
	_, sum, err := writeTable(path, table, list, &root, WriterOptions{Limits: DefaultLimits()})
	if err != nil {
		t.Fatal(err)
	}
	check := func() error {
		return readBack(path, table, list, sum, map[string]string{"fallow.root": root.String()}, DefaultLimits(), newCrew(nil))
	}
	if err := check(); err != nil {
		t.Fatal(err)
	}
	for i := range table.columns {
		c, kept := &table.columns[i], rows[33]
		c.alter(&rows[33])
		if err := check(); !errors.Is(err, errReadBack) || !strings.Contains(err.Error(), fmt.Sprintf("row 33, column %q", c.name)) {
			t.Errorf("%s altered: %v", c.name, err)
		}
		rows[33] = kept
	}
	list = list[:39]
	if err := check(); !errors.Is(err, errReadBack) {
		t.Errorf("a row more in the file: %v", err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 1
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := check(); !errors.Is(err, errReadBack) {
		t.Errorf("a byte flipped on disk: %v", err)
	}
}

// failing takes so many bytes and then no more, as a full disk does.
type failing struct{ left int }

var errFull = errors.New("no space left")

func (f *failing) Write(p []byte) (int, error) {
	n := min(f.left, len(p))
	if f.left -= n; n < len(p) {
		return n, errFull
	}
	return n, nil
}

func TestFullDiskIsReported(t *testing.T) {
	table, rows := recordsTable(), few(40)
	list := make([]*Record, len(rows))
	for i := range rows {
		list[i] = &rows[i]
	}
	whole := &failing{left: 1 << 30}
	write := func(w io.Writer) error {
		return table.write(w, list, []int{30, 10}, nil, DefaultLimits(), newCrew(nil))
	}
	if err := write(whole); err != nil {
		t.Fatal(err)
	}
	size := 1<<30 - whole.left
	for at := 0; at < size; at += 1 + size/200 {
		if err := write(&failing{left: at}); !errors.Is(err, errFull) {
			t.Fatalf("full after %d of %d bytes: %v", at, size, err)
		}
	}
}

// 160 MB of text in two row groups are written within 512 MiB, whatever the
// number of rows; the callback hears of all of it.
func TestMemoryOfTheWriterIsBounded(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector's own memory would be measured")
	}
	random := make([]byte, 3<<20)
	for i := range random {
		random[i] = byte(rand.Uint32())
	}
	text := base64.StdEncoding.EncodeToString(random) // shared by all rows
	rows := make([]Record, 40)
	for i := range rows {
		rows[i] = Record{ID: fmt.Sprint(i), URL: "https://a.example/", Text: text}
	}
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	peak, last, whole := uint64(0), int64(0), int64(0)
	_, err := WriteShard(filepath.Join(t.TempDir(), "a"), rows, WriterOptions{Progress: func(done, total int64) {
		runtime.ReadMemStats(&now)
		peak = max(peak, now.HeapAlloc)
		if done <= last || done > total {
			t.Errorf("%d of %d after %d", done, total, last)
		}
		last, whole = done, total
	}})
	if err != nil {
		t.Fatal(err)
	}
	if used := (peak - before.HeapAlloc) >> 20; used > 512 {
		t.Errorf("%d MiB of memory", used)
	} else {
		t.Logf("%d MiB of memory", used)
	}
	if last != whole || whole != 80 {
		t.Errorf("progress ended at %d of %d", last, whole)
	}
}
