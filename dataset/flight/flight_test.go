package flight_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	arrowflight "github.com/apache/arrow/go/v17/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/dataset/flight"
)

var day = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

// shelf holds versions of one dataset, "demo".
type shelf struct{ dir string }

func (s shelf) Datasets() ([]string, error) { return []string{"demo", "empty"}, nil }

func (s shelf) Open(name string, version int) (*dataset.Version, error) {
	if name != "demo" {
		return nil, dataset.ErrNoVersion
	}
	if version == 0 {
		version, _, _ = dataset.Latest(s.dir)
	}
	return dataset.OpenVersion(filepath.Join(s.dir, fmt.Sprintf("v%d", version)))
}

// publish makes a version of several shards, one language each.
func publish(t testing.TB, shards, rows, textBytes int) shelf {
	t.Helper()
	s := shelf{dir: t.TempDir()}
	spec := dataset.VersionSpec{Dataset: "demo", Version: 1, Created: day}
	for i := range shards {
		records := make([]dataset.Record, rows)
		for k := range records {
			host := fmt.Sprintf("s%d.example", k%7)
			records[k] = dataset.Record{
				Text: strings.Repeat(fmt.Sprintf("text %d of %d. ", k, i), 1+textBytes/16), ID: fmt.Sprintf("%d-%d", i, k), URL: fmt.Sprintf("https://%s/%d/%d", host, i, k),
				Host: host, Site: host, SURT: fmt.Sprintf("example,s%d)/%d/%d", k%7, i, k), Language: []string{"eng", "deu", "fra"}[i%3], LanguageScript: "Latn",
				FetchedAt: day.AddDate(0, 0, i).Add(time.Duration(k) * time.Second), Status: 200, Transport: "https", TokenCount: int64(k), LanguageScore: 0.5,
				AITrain: []string{"y", "n", ""}[k%3], Signals: make([]dataset.Signal, k%3),
			}
			for n := range records[k].Signals {
				records[k].Signals[n] = dataset.Signal{Source: "meta", Text: fmt.Sprint(n)}
			}
		}
		path := filepath.Join(s.dir, fmt.Sprintf("%d.parquet", i))
		shard, err := dataset.WriteShard(path, records, dataset.WriterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		spec.Shards = append(spec.Shards, dataset.ShardFile{Path: path, Shard: shard})
	}
	if _, err := dataset.Publish(s.dir, spec, ed25519.NewKeyFromSeed(make([]byte, 32))); err != nil {
		t.Fatal(err)
	}
	return s
}

func serve(t testing.TB, s shelf, change func(*flight.Config)) (address string) {
	t.Helper()
	cfg := flight.DefaultConfig()
	if change != nil {
		change(&cfg)
	}
	on, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- flight.New(slog.New(slog.DiscardHandler), s, cfg).Serve(ctx, on) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return on.Addr().String()
}

func dial(t testing.TB, address, key string) *flight.Client {
	t.Helper()
	c, err := flight.Dial(address, key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestFlightBringsEveryRow(t *testing.T) {
	s := publish(t, 3, 400, 300)
	v, err := s.Open("demo", 1)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]dataset.Record{}
	if err := v.Read(func(_ string, _ int64, r *dataset.Record) error { want[r.ID] = *r; return nil }); err != nil {
		t.Fatal(err)
	}
	c := dial(t, serve(t, s, nil), "")
	n := 0
	err = c.Read(t.Context(), flight.Request{Dataset: "demo"}, func(b arrow.Record) error {
		if !b.Schema().Equal(dataset.Schema()) {
			t.Errorf("schema %v", b.Schema())
		}
		text, id := b.Column(0).(*array.String), b.Column(1).(*array.String)
		leaf := b.Column(int(b.NumCols()) - 1).(*array.Binary)
		signals := b.Column(b.Schema().FieldIndices("signals")[0]).(*array.List)
		fetched := b.Column(b.Schema().FieldIndices("fetched_at")[0]).(*array.Timestamp)
		for i := range int(b.NumRows()) {
			r := want[id.Value(i)]
			from, to := signals.ValueOffsets(i)
			if text.Value(i) != r.Text || string(leaf.Value(i)) != string(r.Leaf[:]) || int(to-from) != len(r.Signals) || int64(fetched.Value(i)) != r.FetchedAt.UnixMicro() {
				t.Fatalf("row %s differs", id.Value(i))
			}
			n++
		}
		return nil
	})
	if err != nil || n != len(want) {
		t.Errorf("%d rows of %d, %v", n, len(want), err)
	}
}

func TestFlightSelects(t *testing.T) {
	s := publish(t, 3, 210, 100)
	c := dial(t, serve(t, s, nil), "")
	tests := map[string]struct {
		selection dataset.Selection
		rows      int
	}{
		"columns":        {dataset.Selection{Columns: []string{"url", "token_count"}}, 630},
		"language":       {dataset.Selection{Columns: []string{"id"}, Languages: []string{"deu"}}, 210},
		"with script":    {dataset.Selection{Languages: []string{"eng_Latn", "fra_Latn"}}, 420},
		"other script":   {dataset.Selection{Languages: []string{"eng_Cyrl"}}, 0},
		"sites":          {dataset.Selection{Columns: []string{"id"}, Sites: []string{"s0.example", "s1.example", "none.example"}}, 180},
		"dates":          {dataset.Selection{Columns: []string{"id"}, From: day.AddDate(0, 0, 1), To: day.AddDate(0, 0, 1).Add(10 * time.Second)}, 10},
		"training":       {dataset.Selection{Columns: []string{"id"}, AITrain: []string{"y", "unstated"}}, 420},
		"all conditions": {dataset.Selection{Languages: []string{"eng"}, Sites: []string{"s0.example"}, AITrain: []string{"n"}}, 10},
		"licence":        {dataset.Selection{Columns: []string{"id"}, Licenses: []string{"CC-BY-4.0"}}, 0},
	}
	for name, test := range tests {
		rows := 0
		err := c.Read(t.Context(), flight.Request{Dataset: "demo", Version: 1, Selection: test.selection}, func(b arrow.Record) error {
			rows += int(b.NumRows())
			if want := len(test.selection.Columns); want > 0 && int(b.NumCols()) != want {
				t.Errorf("%s: %d columns", name, b.NumCols())
			}
			return nil
		})
		if err != nil || rows != test.rows {
			t.Errorf("%s: %d rows, want %d, %v", name, rows, test.rows, err)
		}
	}
}

func TestFlightRefuses(t *testing.T) {
	s := publish(t, 1, 20, 100)
	address := serve(t, s, func(c *flight.Config) {
		c.Allow = func(_ context.Context, key, _ string) error {
			if key != "secret" {
				return errors.New("no key")
			}
			return nil
		}
	})
	ignore := func(arrow.Record) error { return nil }
	if err := dial(t, address, "").Read(t.Context(), flight.Request{Dataset: "demo"}, ignore); status.Code(errors.Unwrap(err)) != codes.PermissionDenied {
		t.Errorf("without a key: %v", err)
	}
	c := dial(t, address, "secret")
	if err := c.Read(t.Context(), flight.Request{Dataset: "demo"}, ignore); err != nil {
		t.Errorf("with a key: %v", err)
	}
	for name, r := range map[string]flight.Request{
		"no dataset":     {Dataset: "none"},
		"no column":      {Dataset: "demo", Selection: dataset.Selection{Columns: []string{"secret"}}},
		"column twice":   {Dataset: "demo", Selection: dataset.Selection{Columns: []string{"url", "url"}}},
		"no such answer": {Dataset: "demo", Selection: dataset.Selection{AITrain: []string{"perhaps"}}},
		"backwards":      {Dataset: "demo", Selection: dataset.Selection{From: day, To: day.Add(-1)}},
	} {
		if err := c.Read(t.Context(), r, ignore); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	// Tickets made by hand.
	raw, err := arrowflight.NewClientWithMiddleware(address, nil, nil, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer secret")
	for _, ticket := range []string{
		"", "{", `{"dataset":"demo","shard":"../../etc/passwd"}`, `{"dataset":"demo","shard":"manifest.json"}`, `{"dataset":"demo","shard":"duplicates.parquet"}`,
		`{"dataset":"../demo","shard":"data/train-00000-of-00001.parquet"}`, `{"dataset":"demo","more":1}`, strings.Repeat("x", 2<<20),
	} {
		stream, err := raw.DoGet(ctx, &arrowflight.Ticket{Ticket: []byte(ticket)})
		if err == nil {
			_, err = stream.Recv()
		}
		if code := status.Code(err); code == codes.OK || code == codes.Internal || code == codes.Unknown {
			t.Errorf("ticket %.60q: %v", ticket, err)
		}
	}
}

// TestFlightHoldsASlowReader: what is read ahead is bounded, and a reader that
// takes nothing is dropped, which frees its place.
func TestFlightHoldsASlowReader(t *testing.T) {
	s := publish(t, 1, 400, 100_000) // 40 MB, far above any window
	address := serve(t, s, func(c *flight.Config) { c.MaxStreams, c.Stall = 1, 300*time.Millisecond })
	c := dial(t, address, "")
	started, goOn := make(chan struct{}), make(chan struct{})
	slow := make(chan error, 1)
	go func() {
		first := true
		slow <- c.Read(t.Context(), flight.Request{Dataset: "demo"}, func(arrow.Record) error {
			if first {
				first = false
				close(started)
				<-goOn
			}
			return nil
		})
	}()
	<-started
	other := dial(t, address, "")
	deadline := time.Now().Add(30 * time.Second)
	refused := false
	for {
		err := other.Read(t.Context(), flight.Request{Dataset: "demo", Selection: dataset.Selection{Columns: []string{"id"}}}, func(arrow.Record) error { return nil })
		if err == nil {
			break
		}
		refused = refused || status.Code(errors.Unwrap(err)) == codes.ResourceExhausted
		if time.Now().After(deadline) {
			t.Fatalf("the slow reader keeps its place: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	if !refused {
		t.Error("a second reader was served beside the only place")
	}
	close(goOn)
	if err := <-slow; err == nil {
		t.Error("the slow reader was not dropped")
	}
}

// BenchmarkRead compares the service with reading the same shards from the disk,
// in MB of text per second of the wall clock and of the processor's time.
func BenchmarkRead(b *testing.B) {
	s := publish(b, 4, 20_000, 2000)
	v, err := s.Open("demo", 1)
	if err != nil {
		b.Fatal(err)
	}
	var rows int64
	count := func(r arrow.Record) error { rows += r.NumRows(); return nil }
	for _, selection := range []struct {
		name string
		dataset.Selection
	}{{"all", dataset.Selection{}}, {"text-url", dataset.Selection{Columns: []string{"text", "url"}}}} {
		b.Run("file/"+selection.name, func(b *testing.B) {
			b.SetBytes(v.Manifest.TextBytes)
			for b.Loop() {
				rows = 0
				for _, shard := range v.Manifest.Shards {
					if err := v.Batches(b.Context(), shard.File, selection.Selection, count); err != nil {
						b.Fatal(err)
					}
				}
				if rows != v.Manifest.Rows {
					b.Fatalf("%d rows", rows)
				}
			}
		})
		b.Run("flight/"+selection.name, func(b *testing.B) {
			c := dial(b, serve(b, s, nil), "")
			b.SetBytes(v.Manifest.TextBytes)
			for b.Loop() {
				rows = 0
				if err := c.Read(b.Context(), flight.Request{Dataset: "demo", Selection: selection.Selection}, count); err != nil {
					b.Fatal(err)
				}
				if rows != v.Manifest.Rows {
					b.Fatalf("%d rows", rows)
				}
			}
		})
	}
}
