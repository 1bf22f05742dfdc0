package dataset

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fallow-network/fallow/dataset/merkle"
)

// RawFile describes one Parquet file of answers.
type RawFile struct {
	File   string      `json:"file"`   // slash-separated, relative to its version or folder
	Bytes  int64       `json:"bytes"`  // size of the file
	SHA256 string      `json:"sha256"` // of the file, lower-case hex
	Rows   int64       `json:"rows"`
	Root   merkle.Hash `json:"root"` // over the row leaves in file order
}

// WriteRaw writes answers as one Parquet file, sorted by id, in the manner of
// WriteShard: whole or not at all, read back and compared, and again with the
// same bytes if called again. It computes BodySHA256 and Leaf and cuts FetchedAt
// to microseconds in UTC, in place. Errors wrap ErrRecord if an answer is at fault.
func WriteRaw(path string, answers []Raw, o WriterOptions) (RawFile, error) {
	if o.Limits == (Limits{}) {
		o.Limits = DefaultLimits()
	}
	if len(answers) == 0 || int64(len(answers)) > o.Limits.ShardRows {
		return RawFile{}, fmt.Errorf("%w: %d answers in one file, there can be 1 to %d", ErrRecord, len(answers), o.Limits.ShardRows)
	}
	rows := make([]*Raw, len(answers))
	for i := range answers {
		r := &answers[i]
		if err := checkRaw(r, o.Limits); err != nil {
			return RawFile{}, fmt.Errorf("%w: answer %d (id %q): %w", ErrRecord, i, r.ID, err)
		}
		r.FetchedAt = r.FetchedAt.UTC().Truncate(time.Microsecond)
		r.BodySHA256 = sha256.Sum256(r.Body)
		rows[i] = r
	}
	slices.SortStableFunc(rows, func(a, b *Raw) int { return strings.Compare(a.ID, b.ID) })
	f := RawFile{File: filepath.Base(path), Rows: int64(len(rows))}
	tmp := path + tmpSuffix
	var err error
	if f.Bytes, f.SHA256, err = writeTable(tmp, rawTable(), rows, &f.Root, o); err != nil {
		return RawFile{}, fmt.Errorf("write answers %s: %w", path, err)
	}
	if err := moveInto(tmp, path); err != nil {
		return RawFile{}, fmt.Errorf("publish answers: %w", err)
	}
	return f, nil
}

func checkRaw(r *Raw, limits Limits) error {
	if r.ID == "" || r.URL == "" {
		return errors.New("it has no id or no url")
	}
	if len(r.Body) > limits.BodyBytes {
		return fmt.Errorf("body of %d bytes, the limit is %d", len(r.Body), limits.BodyBytes)
	}
	t := rawTable()
	for i := range t.columns {
		if c := &t.columns[i]; c.kind == kindText {
			if err := checkText(c.name, *c.text(r), limits.FieldBytes); err != nil {
				return err
			}
		}
	}
	return nil
}
