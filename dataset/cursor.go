package dataset

import (
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/parquet"
)

// Damage is a part of a Parquet file that cannot be read: rows First to Last
// (counted from 0 in the file, both included) of one column, or of all columns
// if Column is empty. Within the range, rows may still be readable.
type Damage struct {
	Column      string
	First, Last int64
	Err         error
}

func (d *Damage) Error() string {
	where := fmt.Sprintf("row %d", d.First)
	if d.Last != d.First {
		where = fmt.Sprintf("rows %d to %d", d.First, d.Last)
	}
	if d.Column != "" {
		where += fmt.Sprintf(", column %q", d.Column)
	}
	return where + ": " + d.Err.Error()
}

func (d *Damage) Unwrap() error { return d.Err }

// errMissing says that a column chunk ended before its row group did.
var errMissing = errors.New("column ends before its rows do")

// cursor reads one Parquet leaf column of one row group, page by page. What
// it cannot read it reports as damage once and then passes over.
type cursor struct {
	chunk    *chunk
	physical parquet.Type
	levels   bool // list items: repetition and definition levels precede values
	column   string
	base     int64 // row of the file at which the row group starts
	rows     int64 // of the row group
	damage   func(*Damage) error

	dict        *values
	page        values
	reps, defs  []uint32
	first, end  int64 // entries [first,end) of the row group are in page
	lost        bool  // page is unreadable
	at, valueAt int64 // next list entry and value in page; lists only
}

// entry finds entry i of a flat column: its index in page. ok is false where
// the column is damaged. i must not go backwards.
func (c *cursor) entry(i int64) (index int, ok bool, err error) {
	for i >= c.end {
		if err := c.load(); err != nil {
			return 0, false, err
		}
	}
	return int(i - c.first), !c.lost, nil
}

// load decodes the next data page, or marks what is lost instead of it.
func (c *cursor) load() error {
	for {
		p, err := c.chunk.next()
		switch {
		case errors.Is(err, io.EOF):
			return c.lose(c.rows, errMissing)
		case err != nil:
			c.chunk.at = c.chunk.end
			return c.lose(c.rows, err)
		case p.kind == dictionaryPage:
			if err := c.loadDictionary(p); err != nil {
				return err
			}
			continue
		case p.values == 0:
			continue
		}
		return c.loadData(p)
	}
}

func (c *cursor) loadDictionary(p *page) error {
	dict, err := decodeValues(c.physical, parquet.Encodings.Plain, p.data, int(p.values), nil)
	if err == nil {
		c.dict = &dict
		err = p.broken
		if c.chunk.reuse != nil {
			c.chunk.reuse = new(pageBuffers) // the dictionary keeps its own
		}
	}
	if err == nil {
		return nil
	}
	return c.damage(&Damage{Column: c.column, First: c.base, Last: c.base + c.rows - 1, Err: fmt.Errorf("dictionary: %w", err)})
}

func (c *cursor) loadData(p *page) error {
	last := c.end + int64(p.values)
	if !c.levels && last > c.rows {
		return c.lose(c.rows, fmt.Errorf("column has more values than the %d rows", c.rows))
	}
	page, err := c.decode(p)
	if err != nil && p.broken != nil {
		err = p.broken
	}
	if err != nil {
		return c.lose(last, err)
	}
	if p.broken != nil {
		err = c.report(last, p.broken)
	}
	c.page, c.first, c.end, c.lost, c.at, c.valueAt = page, c.end, last, false, 0, 0
	return err
}

func (c *cursor) decode(p *page) (v values, err error) {
	data, n := p.data, int(p.values)
	if c.levels {
		if c.reps, data, err = decodeLevels(data, n); err != nil {
			return v, fmt.Errorf("repetition levels: %w", err)
		}
		if c.defs, data, err = decodeLevels(data, n); err != nil {
			return v, fmt.Errorf("definition levels: %w", err)
		}
		n = 0
		for _, d := range c.defs {
			n += int(d)
		}
	}
	return decodeValues(c.physical, p.encoding, data, n, c.dict)
}

// lose marks entries up to end as unreadable.
func (c *cursor) lose(end int64, cause error) error {
	if c.levels {
		end = c.rows // which rows the rest would begin is not known
	}
	err := c.report(end, cause)
	c.page, c.first, c.end, c.lost = values{}, c.end, max(end, c.end+1), true
	return err
}

func (c *cursor) report(end int64, cause error) error {
	first := c.end
	if c.levels {
		first, end = 0, c.rows
	}
	last := max(first, min(end, c.rows)-1)
	return c.damage(&Damage{Column: c.column, First: c.base + first, Last: c.base + last, Err: cause})
}

// list reads the items of the next row of a list column. ok is false where
// the column is damaged; then the rest of the row group is too.
func (c *cursor) list(limit int) (items []string, ok bool, err error) {
	if c.lost {
		return nil, false, nil
	}
	if err := c.refill(); err != nil || c.lost {
		return nil, false, err
	}
	if c.reps[c.at] != 0 {
		return nil, false, c.lose(c.rows, errors.New("a row begins inside a list"))
	}
	for {
		if c.defs[c.at] == 1 {
			items = append(items, c.page.texts[c.valueAt])
			c.valueAt++
		}
		if c.at++; len(items) > limit {
			return nil, false, c.lose(c.rows, fmt.Errorf("list has more than %d items", limit))
		}
		if c.at == int64(len(c.reps)) && c.chunk.at >= c.chunk.end {
			return items, true, nil
		}
		if err := c.refill(); err != nil || c.lost {
			return nil, false, err
		}
		if c.reps[c.at] == 0 {
			return items, true, nil
		}
	}
}

// refill makes sure that there is a list entry to look at.
func (c *cursor) refill() error {
	if c.at < int64(len(c.reps)) {
		return nil
	}
	return c.load()
}
