package dataset

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/metadata"
	"github.com/apache/arrow/go/v17/parquet/schema"

	"github.com/fallow-network/fallow/dataset/merkle"
)

// soundFile is a shard of two row groups, its bytes and where its footer begins.
func soundFile(t *testing.T) (raw []byte, footer int64) {
	t.Helper()
	rows := few(60)
	list := make([]*Record, len(rows))
	for i := range rows {
		list[i] = &rows[i]
	}
	limits := DefaultLimits()
	limits.RowGroupRows = 40
	path := filepath.Join(t.TempDir(), "sound")
	var root merkle.Hash
	if _, _, err := writeTable(path, recordsTable(), list, &root, WriterOptions{Limits: limits}); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, at, err := readFooter(bytes.NewReader(raw), int64(len(raw)), limits)
	if err != nil {
		t.Fatal(err)
	}
	return raw, at
}

// refooted is the file with its footer rewritten after change.
func refooted(t *testing.T, raw []byte, footer int64, change func(m *metadata.FileMetaData)) []byte {
	t.Helper()
	meta, err := parseFooter(raw[footer : len(raw)-8])
	if err != nil {
		t.Fatal(err)
	}
	change(meta)
	var out bytes.Buffer
	out.Write(raw[:footer])
	if _, err := meta.WriteTo(&out, nil); err != nil {
		t.Fatal(err)
	}
	tail := binary.LittleEndian.AppendUint32(nil, uint32(int64(out.Len())-footer))
	return append(append(out.Bytes(), tail...), parquetMagic...)
}

// foreign is a Parquet file as others write them.
func foreign(t *testing.T, repetition parquet.Repetition) []byte {
	t.Helper()
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, schema.FieldList{schema.NewInt64Node("n", repetition, -1)}, -1)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := file.NewParquetWriter(&out, root)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Files as they come out of broken disks, other programs and malice: each gets a
// verdict that says what is the matter, in every way of reading, without a panic.
func TestBrokenFilesGetAClearMessage(t *testing.T) {
	raw, footer := soundFile(t)
	type meta = metadata.FileMetaData
	foot := func(change func(m *meta)) []byte { return refooted(t, raw, footer, change) }
	page := func(at int64, b ...byte) []byte {
		return append(append(bytes.Clone(raw[:at]), b...), raw[at+int64(len(b)):]...)
	}
	sound, err := parseFooter(raw[footer : len(raw)-8])
	if err != nil {
		t.Fatal(err)
	}
	text := sound.RowGroups[0].Columns[0].MetaData.DataPageOffset
	dump := *sound.RowGroups[0].Columns[2].MetaData.DictionaryPageOffset
	tests := map[string]struct {
		content []byte
		says    string
	}{
		"empty":                         {nil, "0 bytes are too few"},
		"magic only":                    {[]byte("PAR1PAR1"), "too few"},
		"encrypted":                     {append(bytes.Clone(raw[:len(raw)-4]), "PARE"...), "does not end with"},
		"a zip":                         {append([]byte("PK\x03\x04"), raw[4:]...), "does not begin with"},
		"cut off":                       {raw[:len(raw)/2], "cut off"},
		"its end lost":                  {raw[:len(raw)-1], "cut off"},
		"something appended":            {append(bytes.Clone(raw), "more of it"...), "does not end with"},
		"footer of 4 GB":                {append(bytes.Clone(raw[:len(raw)-8]), "\xff\xff\xff\xffPAR1"...), "footer claims"},
		"footer of nothing":             {append(bytes.Clone(raw[:len(raw)-8]), "\x00\x00\x00\x00PAR1"...), "footer"},
		"footer of zeros":               {append(append(bytes.Clone(raw[:footer]), make([]byte, int64(len(raw))-8-footer)...), raw[len(raw)-8:]...), "footer"},
		"foreign":                       {foreign(t, parquet.Repetitions.Required), "Fallow did not write it"},
		"foreign with nulls":            {foreign(t, parquet.Repetitions.Optional), "Fallow did not write it"},
		"rows below zero":               {foot(func(m *meta) { m.NumRows = -1 }), "claims -1 rows"},
		"endless rows":                  {foot(func(m *meta) { m.NumRows, m.RowGroups[0].NumRows = 1<<50, 1<<50 }), "rows"},
		"a row group of others":         {foot(func(m *meta) { m.RowGroups[1].NumRows = 1 << 40 }), "row group 1 claims"},
		"a row group below zero":        {foot(func(m *meta) { m.RowGroups[1].NumRows = -3 }), "row group 1 claims"},
		"row groups lost":               {foot(func(m *meta) { m.RowGroups = m.RowGroups[:1] }), "footer claims 60 rows, its row groups 40"},
		"no row groups":                 {foot(func(m *meta) { m.RowGroups = nil }), "row groups 0"},
		"a row group twice":             {foot(func(m *meta) { m.RowGroups = append(m.RowGroups, m.RowGroups[0]) }), "60 rows"},
		"columns lost":                  {foot(func(m *meta) { m.RowGroups[0].Columns = m.RowGroups[0].Columns[:3] }), "in 3 columns"},
		"a column before the file":      {foot(func(m *meta) { m.RowGroups[0].Columns[0].MetaData.DataPageOffset = -9 }), "footer places the column"},
		"a column beyond the file":      {foot(func(m *meta) { m.RowGroups[0].Columns[0].MetaData.DataPageOffset = 1 << 60 }), "footer places the column"},
		"a column of endless size":      {foot(func(m *meta) { m.RowGroups[0].Columns[0].MetaData.TotalCompressedSize = 1<<63 - 1 }), "footer places the column"},
		"a column below zero":           {foot(func(m *meta) { m.RowGroups[0].Columns[0].MetaData.TotalCompressedSize = -1 }), "footer places the column"},
		"a column of no bytes":          {foot(func(m *meta) { m.RowGroups[0].Columns[0].MetaData.TotalCompressedSize = 0 }), "ends before its rows"},
		"a column described by nothing": {foot(func(m *meta) { m.RowGroups[0].Columns[0].MetaData = nil }), "contradicts itself"},
		"columns exchanged":             {foot(func(m *meta) { c := m.RowGroups[0].Columns; c[1], c[3] = c[3], c[1] }), "Merkle leaf"},
		"another codec":                 {foot(func(m *meta) { m.RowGroups[0].Columns[0].MetaData.Codec = 1 }), "codec SNAPPY"},
		"a codec that is none":          {foot(func(m *meta) { m.RowGroups[0].Columns[0].MetaData.Codec = 77 }), "codec"},
		"not compressed, it claims":     {foot(func(m *meta) { m.RowGroups[0].Columns[0].MetaData.Codec = 0 }), "without compression"},
		"another type":                  {foot(func(m *meta) { *m.FileMetaData.Schema[1].Type = 1 }), "contradicts itself"},
		"nullable":                      {foot(func(m *meta) { *m.FileMetaData.Schema[1].RepetitionType = 1 }), "may be null"},
		"repeated":                      {foot(func(m *meta) { *m.FileMetaData.Schema[1].RepetitionType = 2 }), "may be null"},
		"another name":                  {foot(func(m *meta) { m.FileMetaData.Schema[1].Name = "txt" }), "does not belong"},
		"no keys":                       {foot(func(m *meta) { m.FileMetaData.KeyValueMetadata = nil }), "Fallow did not write it"},
		"page header of ones":           {page(text, bytes.Repeat([]byte{0xff}, 40)...), "page header"},
		"page header of zeros":          {page(text, make([]byte, 8)...), "page"},
		"dictionary of ones":            {page(dump, bytes.Repeat([]byte{0xff}, 12)...), "page header"},
		"pages overwritten":             {page(text+20, bytes.Repeat([]byte{0x55}, 3000)...), "page"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.parquet")
			if err := os.WriteFile(path, test.content, 0o600); err != nil {
				t.Fatal(err)
			}
			report, err := Verify(path, VerifyOptions{})
			if err != nil || report.Valid || len(report.Problems) == 0 {
				t.Fatalf("%+v, %v", report, err)
			}
			var said strings.Builder
			for _, p := range report.Problems {
				said.WriteString(p.String() + "\n")
			}
			if !strings.Contains(said.String(), test.says) || strings.Contains(said.String(), "runtime error") {
				t.Errorf("says %s", said.String())
			}
			if err := ReadShard(path, func(int64, *Record) error { return nil }); err == nil {
				t.Error("read whole")
			}
			_ = scanFile(path, recordsTable(), []string{"id", "signals"}, func(int64, *Record) error { return nil })
		})
	}
}

// An answer's file, a list of duplicates or a shard in each other's place is told
// from damage.
func TestTablesAreNotTakenForEachOther(t *testing.T) {
	dir := t.TempDir()
	answer := filepath.Join(dir, "raw.parquet")
	if _, err := WriteRaw(answer, []Raw{{ID: "a", URL: "https://a.example/"}}, WriterOptions{}); err != nil {
		t.Fatal(err)
	}
	report, err := Verify(answer, VerifyOptions{})
	if err != nil || report.Valid || !strings.Contains(report.Problems[0].Detail, `rows of kind "raw", expected "record"`) {
		t.Errorf("%+v, %v", report, err)
	}
}
