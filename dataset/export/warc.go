package export

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/fallow-network/fallow/dataset"
)

// ErrNoAnswers says that a version keeps no answers to make an archive of.
var ErrNoAnswers = errors.New("the version keeps no raw answers: its jobs were not asked to (fallow-router job add --keep-raw); WET can be made of the text")

// WARC writes the answers that the version keeps, those of selected rows, as
// response records of a WARC 1.1 archive (ISO 28500:2017). With compress each
// record is a gzip member of its own, as readers of archives expect.
//
// Bodies have their content coding undone, so the headers that spoke of it are
// gone, and Content-Length is that of the body here.
func WARC(ctx context.Context, v *dataset.Version, s dataset.Selection, to io.Writer, compress bool) error {
	var wanted map[string]bool
	if !s.Everything() {
		wanted = map[string]bool{}
		s.Columns = []string{"id"}
		if err := v.Select(ctx, s, func(_ string, r *dataset.Record) error { wanted[r.ID] = true; return nil }); err != nil {
			return err
		}
	}
	w, err := newArchive(v, to, compress, "response records; content coding undone")
	if err != nil {
		return err
	}
	answers := 0
	err = v.ReadRaw(func(_ string, row int64, r *dataset.Raw) error {
		if row%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		answers++
		if wanted != nil && !wanted[r.ID] {
			return nil
		}
		return w.response(r)
	})
	if err == nil && answers == 0 {
		err = ErrNoAnswers
	}
	return err
}

// WET writes the text of the selected rows as conversion records, in the manner
// of Common Crawl's WET files.
func WET(ctx context.Context, v *dataset.Version, s dataset.Selection, to io.Writer, compress bool) error {
	w, err := newArchive(v, to, compress, "extracted plain text")
	if err != nil {
		return err
	}
	s.Columns = nil
	return v.Select(ctx, s, func(_ string, r *dataset.Record) error {
		head := [][2]string{
			{"WARC-Type", "conversion"}, {"WARC-Target-URI", r.URL}, {"WARC-Date", warcTime(r.FetchedAt)}, {"WARC-Record-ID", recordID("conversion", v, r.ID)},
			{"WARC-Refers-To", recordID("response", v, r.ID)}, {"WARC-Block-Digest", warcDigest([]byte(r.Text))},
		}
		if r.Language != "" {
			head = append(head, [2]string{"WARC-Identified-Content-Language", r.Language})
		}
		return w.record(append(head, [2]string{"Content-Type", "text/plain"}), []byte(r.Text))
	})
}

// archive writes records.
type archive struct {
	version  *dataset.Version
	to       io.Writer
	compress bool
}

func newArchive(v *dataset.Version, to io.Writer, compress bool, about string) (*archive, error) {
	w := &archive{version: v, to: to, compress: compress}
	m := v.Manifest
	info := fmt.Sprintf("software: %s\r\nformat: WARC File Format 1.1\r\nconformsTo: https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/\r\n"+
		"isPartOf: %s version %d\r\ndescription: %s\r\nrobots: classic\r\n", line(m.Generator), m.Dataset, m.Version, about)
	return w, w.record([][2]string{
		{"WARC-Type", "warcinfo"}, {"WARC-Date", warcTime(m.Created)}, {"WARC-Record-ID", recordID("warcinfo", v, about)}, {"Content-Type", "application/warc-fields"},
	}, []byte(info))
}

func (w *archive) response(r *dataset.Raw) error {
	var head strings.Builder
	protocol := "HTTP/1.1" // later ones have no status line; archives write them so
	if r.Protocol == "HTTP/1.0" {
		protocol = r.Protocol
	}
	fmt.Fprintf(&head, "%s %d %s\r\n", protocol, r.Status, http.StatusText(int(r.Status)))
	for l := range strings.SplitSeq(r.Header, "\r\n") {
		name, _, ok := strings.Cut(l, ":")
		if !ok || strings.EqualFold(name, "Content-Length") || strings.EqualFold(name, "Transfer-Encoding") {
			continue
		}
		head.WriteString(line(l) + "\r\n")
	}
	fmt.Fprintf(&head, "Content-Length: %d\r\n\r\n", len(r.Body))
	block := append([]byte(head.String()), r.Body...)
	fields := [][2]string{
		{"WARC-Type", "response"}, {"WARC-Target-URI", r.URL}, {"WARC-Date", warcTime(r.FetchedAt)}, {"WARC-Record-ID", recordID("response", w.version, r.ID)},
		{"WARC-Payload-Digest", warcDigest(r.Body)}, {"WARC-Block-Digest", warcDigest(block)},
	}
	if r.MIME != "" {
		fields = append(fields, [2]string{"WARC-Identified-Payload-Type", r.MIME})
	}
	return w.record(append(fields, [2]string{"Content-Type", "application/http; msgtype=response"}), block)
}

func (w *archive) record(fields [][2]string, block []byte) error {
	var head strings.Builder
	head.WriteString("WARC/1.1\r\n")
	for _, f := range fields {
		fmt.Fprintf(&head, "%s: %s\r\n", f[0], line(f[1]))
	}
	fmt.Fprintf(&head, "Content-Length: %d\r\n\r\n", len(block))
	to := w.to
	if !w.compress {
		return write(to, []byte(head.String()), block, []byte("\r\n\r\n"))
	}
	member, err := gzip.NewWriterLevel(to, gzip.BestSpeed)
	if err != nil {
		return err
	}
	return errors.Join(write(member, []byte(head.String()), block, []byte("\r\n\r\n")), member.Close())
}

func write(to io.Writer, parts ...[]byte) error {
	for _, p := range parts {
		if _, err := to.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// line keeps a value of the web on its line.
func line(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' || r == 0 {
			return ' '
		}
		return r
	}, s)
}

// warcTime is a time in UTC, to the microsecond where it has one.
func warcTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999999Z") }

func warcDigest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + strings.TrimRight(base32.StdEncoding.EncodeToString(sum[:]), "=")
}

// recordID is a UUID (version 8, RFC 9562) made of what the record is of, so that
// the same version gives the same archive.
func recordID(kind string, v *dataset.Version, id string) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + v.Manifest.Dataset + "\x00" + id))
	u := sum[:16]
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80
	return fmt.Sprintf("<urn:uuid:%x-%x-%x-%x-%x>", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
