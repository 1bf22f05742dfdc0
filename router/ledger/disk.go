package ledger

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// The names of an epoch's files differ in their ends.
const (
	endJSON     = ".json"
	endParquet  = ".parquet"
	endReceipts = ".receipts.parquet"
)

// ReadFile reads the epoch file at path, in whichever form it is. It wraps
// ErrFormat if that is no epoch file; what it returns is not verified yet.
func ReadFile(path string) (*File, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open epoch file: %w", err)
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return nil, fmt.Errorf("open epoch file: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > MaxFileBytes {
		return nil, fmt.Errorf("%w: %s is not a regular file of at most %d bytes", ErrFormat, path, MaxFileBytes)
	}
	var magic [4]byte
	if n, err := in.ReadAt(magic[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read epoch file %s: %w", path, err)
	} else if string(magic[:n]) == "PAR1" {
		return ReadParquet(path)
	}
	f, err := ReadJSON(in)
	if err != nil {
		return nil, fmt.Errorf("read epoch file %s: %w", path, err)
	}
	return f, nil
}

// ReadSeal reads the head of the epoch file at path, its hash and signature, and
// nothing of the statements. It wraps ErrFormat, or fs.ErrNotExist.
func ReadSeal(path string) (*Seal, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open epoch file: %w", err)
	}
	defer in.Close()
	s := new(Seal)
	if strings.HasSuffix(path, endParquet) {
		err = readParquetSeal(path, s)
	} else {
		var line []byte
		if line, err = readLine(bufio.NewReader(in), maxHead); err == nil {
			err = s.parse(line)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read epoch file %s: %w", path, err)
	}
	return s, nil
}

// ReceiptsPath is where the receipts behind the epoch file at path lie.
func ReceiptsPath(path string) string {
	base, ok := strings.CutSuffix(path, endJSON)
	if !ok {
		base = strings.TrimSuffix(path, endParquet)
	}
	return base + endReceipts
}

// WriteFile puts the JSON form of f at path, whole or not at all: a crash
// leaves what was there before. When it returns nil the file survives a power
// cut.
func WriteFile(path string, f *File) error {
	if err := replace(path, f.WriteJSON); err != nil {
		return fmt.Errorf("write epoch file: %w", err)
	}
	return nil
}

func replace(path string, write func(io.Writer) error) (err error) {
	dir := filepath.Dir(path)
	out, err := os.CreateTemp(dir, ".tmp-"+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = out.Close()
			_ = os.Remove(out.Name())
		}
	}()
	if err = write(out); err != nil {
		return err
	}
	// CreateTemp makes it 0600; an epoch file is for everybody to read.
	if err = out.Chmod(0o644); err != nil {
		return err
	}
	if err = out.Sync(); err != nil {
		return err
	}
	if err = out.Close(); err != nil {
		return err
	}
	if err = os.Rename(out.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a rename in dir durable. Windows offers no such call and
// journals the rename by itself.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
