package ledger

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
)

// The JSON form is one object that any reader takes, laid out in lines so that
// it can be written and read piece by piece:
//
//	{"head":{…},"hash":"…","signature":"…","statements":[
//	{…},
//	{…}
//	]}
const (
	openStatements  = `,"statements":[`
	closeStatements = `]}`
)

func sortStatements(statements []Statement) {
	if !slices.IsSortedFunc(statements, func(a, b Statement) int { return compareKeys(a.Node, b.Node) }) {
		slices.SortFunc(statements, func(a, b Statement) int { return compareKeys(a.Node, b.Node) })
	}
}

// WriteJSON writes the JSON form of f.
func (f *File) WriteJSON(w io.Writer) error {
	seal, err := canonical(f.Seal)
	if err != nil {
		return fmt.Errorf("encode epoch %d: %w", f.Head.Epoch, err)
	}
	out := bufio.NewWriterSize(w, 256<<10)
	_, _ = out.Write(seal[:len(seal)-1]) // errors stick to out
	_, _ = out.WriteString(openStatements + "\n")
	var buf []byte
	for i := range f.Statements {
		buf = f.Statements[i].AppendJSON(buf[:0])
		if i < len(f.Statements)-1 {
			buf = append(buf, ',')
		}
		_, _ = out.Write(append(buf, '\n'))
	}
	_, _ = out.WriteString(closeStatements + "\n")
	return out.Flush()
}

// ReadJSON reads the JSON form. It is strict: whatever WriteJSON would not have
// written in exactly this way is refused. Errors of form wrap ErrFormat; those
// of r are returned as they are. That the numbers are right is for Verify to
// say.
func ReadJSON(r io.Reader) (*File, error) {
	in := bufio.NewReaderSize(r, 256<<10)
	first, err := readLine(in, maxHead)
	if err != nil {
		return nil, err
	}
	f := new(File)
	if err := f.Seal.parse(first); err != nil {
		return nil, err
	}
	for {
		lines, last, err := readBatch(in)
		if err != nil {
			return nil, fmt.Errorf("after statement %d: %w", len(f.Statements), err)
		}
		if len(f.Statements)+len(lines) > maxNodes {
			return nil, fmt.Errorf("%w: more than %d statements", ErrFormat, maxNodes)
		}
		at := len(f.Statements)
		f.Statements = append(f.Statements, make([]Statement, len(lines))...)
		if err := parseBatch(lines, f.Statements[at:], at, last); err != nil {
			return nil, err
		}
		if last {
			break
		}
	}
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: something follows its end", ErrFormat)
	}
	return f, nil
}

func (s *Seal) parse(line []byte) error {
	object, ok := bytes.CutSuffix(line, []byte(openStatements))
	if !ok {
		return fmt.Errorf("%w: its first line does not lead up to statements", ErrFormat)
	}
	return s.parseObject(append(object, '}'))
}

// parseObject relies on the comparison at its end for all strictness: a member
// that is unknown, twice or spelt otherwise does not come out again.
func (s *Seal) parseObject(object []byte) error {
	if err := json.Unmarshal(object, s); err != nil {
		return fmt.Errorf("%w: head: %w", ErrFormat, err)
	}
	if s.Head.Kind != Kind {
		return fmt.Errorf("%w: kind is %.40q, this program reads %q", ErrFormat, s.Head.Kind, Kind)
	}
	again, err := canonical(s)
	if err != nil {
		return fmt.Errorf("%w: head: %w", ErrFormat, err)
	}
	if at := firstDifference(object, again); at >= 0 {
		return fmt.Errorf("%w: byte %d of the head is not as the canonical form has it", ErrFormat, at)
	}
	return nil
}

// firstDifference is the offset of the first byte that differs, or -1.
func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	if len(a) != len(b) {
		return min(len(a), len(b))
	}
	return -1
}

// readLine reads one line of at most limit bytes, without its line feed.
func readLine(in *bufio.Reader, limit int) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > limit:
			return nil, fmt.Errorf("%w: a line of more than %d bytes", ErrFormat, limit)
		case err == nil:
			return line[:len(line)-1], nil
		case errors.Is(err, io.EOF):
			return nil, fmt.Errorf("%w: it ends in the middle", ErrFormat)
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

// Statements are parsed so many at a time, or so many bytes.
const (
	batchLines = 8192
	batchBytes = 16 << 20
)

// readBatch reads some lines of statements; last says that the list ended.
func readBatch(in *bufio.Reader) (lines [][]byte, last bool, err error) {
	for size := 0; len(lines) < batchLines && size < batchBytes; {
		line, err := readLine(in, maxStatement)
		if err != nil {
			return nil, false, err
		}
		if string(line) == closeStatements {
			return lines, true, nil
		}
		lines = append(lines, line)
		size += len(line)
	}
	// The last statement is the one without a comma, so it must be known here.
	next, err := in.Peek(1)
	if err != nil || next[0] != closeStatements[0] {
		return lines, false, nil // an error comes again
	}
	line, err := readLine(in, len(closeStatements)+1)
	if err == nil && string(line) != closeStatements {
		err = fmt.Errorf("%w: the list of statements does not end as it should", ErrFormat)
	}
	return lines, true, err
}

// parseBatch parses lines into statements, which start at index at of the file.
func parseBatch(lines [][]byte, into []Statement, at int, last bool) error {
	var group errgroup.Group
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		from, to := len(lines)*w/workers, len(lines)*(w+1)/workers
		group.Go(func() error {
			var buf []byte
			for i := from; i < to; i++ {
				end := last && i == len(lines)-1
				var err error
				if buf, err = parseStatement(lines[i], &into[i], end, buf); err != nil {
					return fmt.Errorf("%w: statement %d: %w", ErrFormat, at+i, err)
				}
			}
			return nil
		})
	}
	return group.Wait()
}

func parseStatement(line []byte, into *Statement, end bool, buf []byte) ([]byte, error) {
	object, comma := bytes.CutSuffix(line, []byte{','})
	if comma == end {
		return buf, errors.New("a comma is missing or too many")
	}
	if err := json.Unmarshal(object, into); err != nil {
		return buf, err
	}
	buf = into.AppendJSON(buf[:0])
	if at := firstDifference(object, buf); at >= 0 {
		return buf, fmt.Errorf("byte %d is not as the canonical form has it", at)
	}
	return buf, nil
}
