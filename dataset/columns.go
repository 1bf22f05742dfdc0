package dataset

import (
	"fmt"
	"os"
)

// ColumnInfo is one column of a file, as its own schema has it.
type ColumnInfo struct {
	Name        string `json:"name"`
	Type        string `json:"type"` // Arrow's name for it
	Unit        string `json:"unit,omitempty"`
	Source      string `json:"source,omitempty"` // where the value comes from
	Since       int    `json:"since,omitempty"`  // schema that brought it; 0 if this build does not know it
	Description string `json:"description"`
	Stored      int64  `json:"stored_bytes"`   // in the file
	Inflated    int64  `json:"inflated_bytes"` // before compression
}

// Columns describes the columns of the shard at path from its footer; no page
// is read.
func Columns(path string) ([]ColumnInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	r, err := openTable(recordsTable(), f, info.Size(), DefaultLimits())
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	defer r.close()
	list := make([]ColumnInfo, len(r.table.columns))
	for i, c := range r.table.columns {
		list[i] = ColumnInfo{Name: c.name, Type: c.arrow().String(), Unit: c.unit, Source: c.source, Description: c.about, Since: c.since}
		if c.about == "" {
			list[i].Description = "not known to this build"
		} else {
			list[i].Since = max(c.since, 1)
		}
	}
	_, owner := r.table.leafPaths()
	for _, g := range r.meta.RowGroups {
		for i, column := range g.Columns {
			if i < len(owner) && column != nil && column.MetaData != nil {
				at := &list[owner[i]]
				at.Stored, at.Inflated = at.Stored+column.MetaData.TotalCompressedSize, at.Inflated+column.MetaData.TotalUncompressedSize
			}
		}
	}
	return list, nil
}

// Value is the value of a column as text: as it is, in decimal, in hex, after
// RFC 3339, or for signals as JSON. ok is false if there is no such column.
func (r *Record) Value(column string) (text string, ok bool) {
	t := recordsTable()
	for i := range t.columns {
		c := &t.columns[i]
		if c.name != column {
			continue
		}
		if c.kind == kindText {
			return *c.text(r), true
		}
		raw, err := c.appendJSON(nil, r)
		if n := len(raw); n > 1 && raw[0] == '"' {
			raw = raw[1 : n-1]
		}
		return string(raw), err == nil
	}
	return "", false
}
