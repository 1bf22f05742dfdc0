package bench_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/fallow-network/fallow/dataset"
)

// maxCorpus bounds the text that is kept in memory, bytes.
const maxCorpus = 192 << 20

// document is one file of the corpus.
type document struct {
	host, path string
	text       string
}

// corpus is all text there is, in order of host and path.
var corpus = sync.OnceValues(func() ([]document, error) {
	var docs []document
	left := maxCorpus
	for name, host := range map[string]string{"GOROOT": "go.example", "GOMODCACHE": "mod.example"} {
		root, err := exec.Command("go", "env", name).Output()
		if err != nil {
			return nil, fmt.Errorf("go env %s: %w", name, err)
		}
		share := left / 2
		if err := gather(strings.TrimSpace(string(root)), host, &share, &docs); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(docs, func(a, b document) int { return strings.Compare(a.host+a.path, b.host+b.path) })
	return docs, nil
})

// gather reads texts below root until share bytes are spent.
func gather(root, host string, share *int, docs *[]document) error {
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || *share <= 0:
			return errors.Join(err, fs.SkipAll)
		case d.IsDir() || !slices.Contains([]string{".go", ".md", ".txt", ".html"}, filepath.Ext(path)):
			return nil
		}
		raw, err := os.ReadFile(path)
		if err != nil || len(raw) < 400 || len(raw) > 1<<20 || !utf8.Valid(raw) {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		section, rest, _ := strings.Cut(filepath.ToSlash(name), "/")
		*share -= len(raw)
		*docs = append(*docs, document{host: section + "." + host, path: rest, text: string(bytes.ReplaceAll(raw, []byte("\t"), []byte(" ")))})
		return nil
	})
	if errors.Is(err, fs.SkipAll) {
		return nil
	}
	return err
}

// source cuts the corpus into records, again and again and each time elsewhere.
type source struct {
	docs []document
	rng  *rand.Rand
	doc  int
	rest string
	n    int
}

func newSource(b *testing.B) *source {
	b.Helper()
	docs, err := corpus()
	if err != nil || len(docs) == 0 {
		b.Fatalf("%d documents: %v", len(docs), err)
	}
	return &source{docs: docs, rng: rand.New(rand.NewPCG(1, 2)), rest: docs[0].text}
}

// record is the next piece of 300 bytes to 9 kB, 2.5 kB on average.
func (s *source) record(r *dataset.Record) {
	want := 300 + int(min(9000, s.rng.ExpFloat64()*2300))
	for len(s.rest) < 300 {
		s.doc = (s.doc + 1) % len(s.docs)
		text := s.docs[s.doc].text
		s.rest = text[min(len(text), s.rng.IntN(200)):]
	}
	cut := min(want, len(s.rest))
	if line := strings.LastIndexByte(s.rest[:cut], '\n'); line > cut/2 {
		cut = line + 1
	}
	text := strings.ToValidUTF8(s.rest[:cut], "?")
	s.rest = s.rest[cut:]
	d := &s.docs[s.doc]
	s.n++
	title, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	page := fmt.Sprintf("%s/%d", d.path, s.n)
	digest := sha256.Sum256([]byte(page))
	at := time.UnixMicro(1_790_000_000_000_000 + int64(s.n)*137_911)
	site := d.host[strings.IndexByte(d.host, '.')+1:]
	*r = dataset.Record{
		Text: text, ID: fmt.Sprintf("fallow:%x", digest[:16]), Dump: "bench/j-aaaaaaaaaaaaaaaa", URL: "https://" + d.host + "/" + page,
		Date: at.UTC().Format(time.RFC3339), FilePath: "fallow://bench/j-aaaaaaaaaaaaaaaa", Language: "eng", LanguageScript: "Latn",
		LanguageScore: float64(s.rng.IntN(1000)) / 1000, TokenCount: int64(len(text) / 4), MinhashClusterSize: 1,
		Host: d.host, Site: site, SURT: "example," + site[:strings.IndexByte(site, '.')] + "," + d.host[:len(d.host)-len(site)-1] + ")/" + page,
		Title: title[:min(len(title), 80)], FetchedAt: at, Status: 200, MIME: "text/html", Charset: "utf-8", NodeCountry: []string{"DE", "FR", "US"}[s.n%3],
		Job: "j-aaaaaaaaaaaaaaaa", Robots: "allowed", Extractor: "trafilatura", ExtractorVersion: "1.12", Transport: "https", TLSVersion: "TLS 1.3",
		BodyBytes: int64(len(text) * 7), Epoch: 12, TLSCertSHA256: sha256.Sum256([]byte(d.host)), BodySHA256: sha256.Sum256([]byte(page + "body")),
	}
	r.Title = strings.ToValidUTF8(r.Title, "")
	copy(r.TextDigest[:], digest[16:])
	copy(r.Lease[:], digest[8:])
	if s.n%10 == 0 {
		r.License, r.LicenseSource, r.RobotsRule, r.PIIEmail = "CC-BY-4.0", "link", "Allow: /", 1
		r.Signals = []dataset.Signal{{Source: "header", Text: "content-usage: train-ai=y"}}
	}
}

// partRows is how many records are in memory at a time, and in a shard.
const partRows = 100_000

// rows is how many records a benchmark writes in all.
func rows(b *testing.B) int {
	text := os.Getenv("FALLOW_BENCH_ROWS")
	if text == "" {
		return 2 * partRows
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		b.Fatalf("FALLOW_BENCH_ROWS=%q is not a number of records", text)
	}
	return n
}

// parts calls use with all records, partRows at a time.
func parts(b *testing.B, use func(part int, records []dataset.Record)) {
	s := newSource(b)
	records := make([]dataset.Record, 0, partRows)
	part := 0
	for left := rows(b); left > 0; part++ {
		records = records[:min(left, partRows)]
		for i := range records {
			s.record(&records[i])
		}
		left -= len(records)
		use(part, records)
	}
}
