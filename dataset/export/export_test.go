package export_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/dataset/export"
)

var day = time.Date(2026, 11, 20, 10, 0, 0, 123000, time.UTC)

// version publishes rows with answers whose headers and bodies are awkward.
func version(t testing.TB, rows int, raw bool) (*dataset.Version, []dataset.Record, []dataset.Raw) {
	t.Helper()
	dir := t.TempDir()
	var records []dataset.Record
	var answers []dataset.Raw
	for i := range rows {
		url := fmt.Sprintf("https://a.example/%d", i)
		records = append(records, dataset.Record{
			Text: fmt.Sprintf("Text %d\r\n\r\nWARC/1.1\r\nwith äöü", i), ID: fmt.Sprintf("fallow:%03d", i), URL: url, Host: "a.example", Site: "a.example", SURT: fmt.Sprintf("example,a)/%03d", i),
			FetchedAt: day.Add(time.Duration(i) * time.Second), Language: []string{"eng", "deu"}[i%2], LanguageScript: "Latn", Title: "T", Robots: "allowed", Transport: "https",
		})
		answers = append(answers, dataset.Raw{
			ID: fmt.Sprintf("fallow:%03d", i), URL: url, FetchedAt: records[i].FetchedAt, Status: 200, Protocol: "HTTP/2.0", MIME: "text/html",
			Header: "Content-Length: 999999\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\nX-Odd: a: b\r\n", Body: []byte(fmt.Sprintf("<html>%d\r\n\r\n\x00\xff", i)),
		})
	}
	path := filepath.Join(dir, "a.parquet")
	shard, err := dataset.WriteShard(path, records, dataset.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	file := dataset.ShardFile{Path: path, Shard: shard}
	if raw {
		file.Raw = filepath.Join(dir, "raw.parquet")
		described, err := dataset.WriteRaw(file.Raw, answers, dataset.WriterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		file.Shard.Raw = &described
	}
	if _, err := dataset.Publish(dir, dataset.VersionSpec{Dataset: "demo", Version: 1, Created: day, Generator: "test", Shards: []dataset.ShardFile{file}}, ed25519.NewKeyFromSeed(make([]byte, 32))); err != nil {
		t.Fatal(err)
	}
	v, err := dataset.OpenVersion(filepath.Join(dir, "v1"))
	if err != nil {
		t.Fatal(err)
	}
	return v, records, answers
}

// warcRecord is a record as this test's own reader of archives reads it.
type warcRecord struct {
	head  textproto.MIMEHeader
	block []byte
}

// readArchive follows the grammar of ISO 28500 by lengths alone.
func readArchive(t testing.TB, raw []byte) (list []warcRecord) {
	t.Helper()
	r := bufio.NewReader(bytes.NewReader(raw))
	for {
		first, err := r.ReadString('\n')
		if errors.Is(err, io.EOF) && first == "" {
			return list
		}
		if err != nil || first != "WARC/1.1\r\n" {
			t.Fatalf("record %d begins with %q, %v", len(list), first, err)
		}
		head, err := textproto.NewReader(r).ReadMIMEHeader()
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(head.Get("Content-Length"))
		if err != nil {
			t.Fatal(err)
		}
		block := make([]byte, n+4)
		if _, err := io.ReadFull(r, block); err != nil || string(block[n:]) != "\r\n\r\n" {
			t.Fatalf("record %d ends with %q, %v", len(list), block[n:], err)
		}
		for _, name := range []string{"Warc-Type", "Warc-Date", "Warc-Record-Id", "Content-Type"} {
			if head.Get(name) == "" {
				t.Errorf("record %d has no %s", len(list), name)
			}
		}
		list = append(list, warcRecord{head, block[:n]})
	}
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + strings.TrimRight(base32.StdEncoding.EncodeToString(sum[:]), "=")
}

func TestWARC(t *testing.T) {
	v, _, answers := version(t, 9, true)
	for _, compress := range []bool{false, true} {
		var out bytes.Buffer
		if err := export.WARC(t.Context(), v, dataset.Selection{}, &out, compress); err != nil {
			t.Fatal(err)
		}
		raw := out.Bytes()
		if compress {
			raw = members(t, raw, 10)
		}
		list := readArchive(t, raw)
		if len(list) != 10 || list[0].head.Get("WARC-Type") != "warcinfo" {
			t.Fatalf("%d records", len(list))
		}
		ids := map[string]bool{}
		for i, r := range list[1:] {
			response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(r.block)), nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			if err != nil || !bytes.Equal(body, answers[i].Body) || response.Header.Get("X-Odd") != "a: b" || response.ContentLength != int64(len(body)) {
				t.Errorf("answer %d: %q, %v, %v", i, body, response.Header, err)
			}
			if r.head.Get("WARC-Target-URI") != answers[i].URL || r.head.Get("WARC-Payload-Digest") != digest(body) || r.head.Get("WARC-Block-Digest") != digest(r.block) {
				t.Errorf("record %d: %v", i, r.head)
			}
			ids[r.head.Get("WARC-Record-ID")] = true
		}
		if len(ids) != 9 {
			t.Errorf("%d record ids", len(ids))
		}
	}
	var some bytes.Buffer
	if err := export.WARC(t.Context(), v, dataset.Selection{Languages: []string{"deu"}}, &some, false); err != nil || len(readArchive(t, some.Bytes())) != 5 {
		t.Errorf("selected: %v", err)
	}
	bare, _, _ := version(t, 3, false)
	if err := export.WARC(t.Context(), bare, dataset.Selection{}, io.Discard, false); !errors.Is(err, export.ErrNoAnswers) {
		t.Errorf("without answers: %v", err)
	}
}

// members unpacks a file of gzip members, one a record.
func members(t testing.TB, raw []byte, want int) (all []byte) {
	t.Helper()
	r := bufio.NewReader(bytes.NewReader(raw))
	n := 0
	for {
		z, err := gzip.NewReader(r)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		z.Multistream(false)
		one, err := io.ReadAll(z)
		if err != nil || !bytes.HasPrefix(one, []byte("WARC/1.1\r\n")) {
			t.Fatalf("member %d: %v", n, err)
		}
		all = append(all, one...)
		n++
	}
	if n != want {
		t.Errorf("%d members, want %d", n, want)
	}
	return all
}

func TestWET(t *testing.T) {
	v, records, _ := version(t, 6, false)
	var out bytes.Buffer
	if err := export.WET(t.Context(), v, dataset.Selection{Languages: []string{"eng"}}, &out, false); err != nil {
		t.Fatal(err)
	}
	list := readArchive(t, out.Bytes())
	if len(list) != 4 {
		t.Fatalf("%d records", len(list))
	}
	for i, r := range list[1:] {
		want := records[2*i]
		if string(r.block) != want.Text || r.head.Get("WARC-Type") != "conversion" || r.head.Get("WARC-Target-URI") != want.URL || r.head.Get("WARC-Identified-Content-Language") != "eng" ||
			r.head.Get("WARC-Date") != want.FetchedAt.UTC().Format("2006-01-02T15:04:05")+".000123Z" {
			t.Errorf("record %d: %v %q", i, r.head, r.block)
		}
	}
}

func TestDolma(t *testing.T) {
	v, records, _ := version(t, 6, false)
	var out bytes.Buffer
	if err := export.Dolma(t.Context(), v, dataset.Selection{}, &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != len(records) {
		t.Fatalf("%d lines", len(lines))
	}
	for i, line := range lines {
		var d struct {
			ID, Text, Source, Added, Created string
			Metadata                         struct{ URL, Leaf string }
		}
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		r := records[i]
		if d.ID != r.ID || d.Text != r.Text || d.Source != "fallow/demo" || d.Metadata.URL != r.URL || d.Metadata.Leaf != r.Leaf.String() || d.Created[:19] != r.FetchedAt.UTC().Format("2006-01-02T15:04:05") {
			t.Errorf("line %d: %+v", i, d)
		}
	}
}
