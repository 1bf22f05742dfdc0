package dataset

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"reflect"
	"slices"
	"strings"

	"github.com/fallow-network/fallow/dataset/merkle"
)

// tableCheck verifies one Parquet file row by row and works out where it was
// changed: the leaves tell the rows, the checksums of columns in the footer
// tell the fields, and what cannot be decoded tells both by itself.
type tableCheck[T any] struct {
	table   *table[T]
	file    string
	changed string       // why the file as a whole is known to differ, or ""
	want    *merkle.Hash // signed root, nil if only the footer's is there
	report  *Report
	limits  Limits
	each    func(*T)

	tally   *tally[T]
	damages []*Damage
	lost    int64   // damages beyond the limit
	rows    []int64 // rows that do not fit their leaf
	more    int64   // such rows beyond the limit
}

// maxLocated bounds the rows and damages that are kept to be explained.
const maxLocated = 4096

// run reads the file. whole says that every row was read and is sound, so that
// sums over the rows mean something. An error is one of the disk.
func (c *tableCheck[T]) run(src io.ReaderAt, size int64) (whole bool, err error) {
	r, err := openTable(c.table, src, size, c.limits)
	if err != nil {
		c.tally = newTally(c.table)
	} else {
		defer r.close()
		c.tally = newTally(r.table)
		r.salvaging, r.damage = true, c.note
		err = r.read(func(number int64, row *T, _ bool) error {
			c.row(number, row)
			return nil
		})
	}
	if isDisk(err) {
		return false, err
	}
	if err != nil {
		c.report.addf(ProblemFormat, c.file, "%s", c.explain(err.Error()+c.rowsChecked()))
		return false, nil
	}
	return c.conclude(r), nil
}

func (c *tableCheck[T]) rowsChecked() string {
	if n := c.tally.tree.Len(); n > 0 {
		return fmt.Sprintf("; %d rows before it were read", n)
	}
	return "; no row can be read"
}

// explain puts what the digest said before a finding.
func (c *tableCheck[T]) explain(finding string) string {
	if c.changed == "" {
		return finding
	}
	return c.changed + "; " + finding
}

// isDisk tells errors of the disk from those of the content.
func isDisk(err error) bool {
	var path *fs.PathError
	return errors.As(err, &path)
}

func (c *tableCheck[T]) note(d *Damage) error {
	if isDisk(d.Err) {
		return d.Err
	}
	if len(c.damages) >= maxLocated {
		c.lost++
		return nil
	}
	c.damages = append(c.damages, d)
	return nil
}

func (c *tableCheck[T]) row(number int64, row *T) {
	if c.tally.add(row) != *c.table.leaf(row) {
		if len(c.rows) < maxLocated {
			c.rows = append(c.rows, number)
		} else {
			c.more++
		}
	}
	c.each(row)
}

// conclude turns what was noted into problems.
func (c *tableCheck[T]) conclude(r *tableReader[T]) (whole bool) {
	before := len(c.report.Problems) + int(c.report.Omitted)
	root := c.tally.tree.Root()
	want, signed := r.key("fallow.root"), "footer"
	if c.want != nil {
		want, signed = c.want.String(), "manifest"
	}
	differing, known := c.tally.sums.differing(r.key("fallow.columns"))
	rows := c.explainDamages()
	for _, row := range rows {
		c.report.add(Problem{
			Kind: ProblemRow, File: c.file, Row: &row, LastRow: &row,
			Field: c.field(root.String() == want, differing, known), Detail: c.explain("the row is not what its Merkle leaf says"),
		})
	}
	c.report.Omitted += c.more + c.lost
	found := len(c.report.Problems)+int(c.report.Omitted) > before
	switch {
	case found:
	case root.String() != want:
		c.report.add(Problem{
			Kind: ProblemRoot, File: c.file, Field: strings.Join(differing, ", "),
			Detail: c.explain(fmt.Sprintf("every row fits its own leaf, but the Merkle root is %s and the %s says %s: rows were rewritten, added, removed or moved, leaves and all", short(root.String()), signed, short(want))),
		})
	case c.changed != "":
		c.report.addf(ProblemDigest, c.file, "%s; all %d rows are intact: what changed lies in the footer, in a page header or in unused bytes", c.changed, c.tally.tree.Len())
	case known && len(differing) > 0:
		c.report.addf(ProblemDigest, c.file, "all rows are intact, but the footer's checksums of %s are not theirs", strings.Join(differing, ", "))
	default:
		return true
	}
	return len(c.rows) == 0 && len(c.damages) == 0 && root.String() == want
}

// explainDamages reports parts that could not be decoded, each narrowed to the
// rows that came out wrong, and returns the wrong rows that none explains.
func (c *tableCheck[T]) explainDamages() (rest []int64) {
	explained := map[int64]bool{}
	for _, d := range c.damages {
		var inside []int64
		for _, row := range c.rows {
			if row >= d.First && row <= d.Last {
				inside = append(inside, row)
				explained[row] = true
			}
		}
		p := Problem{Kind: ProblemUnreadable, File: c.file, Field: d.Column}
		if len(inside) == 0 {
			p.Detail = c.explain(fmt.Sprintf("%v; every row of it could be recovered, so the change lies in a checksum", d.Err))
		} else {
			p.Row, p.LastRow = &inside[0], &inside[len(inside)-1]
			p.Detail = c.explain(fmt.Sprintf("%v; rows before row %d are intact", d.Err, *p.Row))
		}
		c.report.add(p)
	}
	for _, row := range c.rows {
		if !explained[row] {
			rest = append(rest, row)
		}
	}
	return rest
}

// field names what differs in a row that does not fit its leaf.
func (c *tableCheck[T]) field(rootFits bool, differing []string, known bool) string {
	if rootFits {
		return leafColumn // recomputed leaves make the right root: the stored leaf is wrong
	}
	var candidates []string
	for _, name := range differing {
		if !slices.ContainsFunc(c.damages, func(d *Damage) bool { return d.Column == name }) {
			candidates = append(candidates, name)
		}
	}
	if !known {
		return ""
	}
	if len(candidates) == 0 {
		return leafColumn
	}
	return strings.Join(candidates, " or ")
}

// difference is one figure that is not what the rows say.
type difference struct {
	field       string
	said, found any
}

// differences compares a summary with the one recomputed.
func (s Summary) differences(found Summary) (list []difference) {
	a, b := reflect.ValueOf(s), reflect.ValueOf(found)
	for i := range a.NumField() {
		said, got := a.Field(i).Interface(), b.Field(i).Interface()
		if fmt.Sprint(said) != fmt.Sprint(got) { // maps print sorted, times without their clock reading
			name, _, _ := strings.Cut(a.Type().Field(i).Tag.Get("json"), ",")
			list = append(list, difference{name, said, got})
		}
	}
	return list
}
