package tunnel

import (
	"os"
	"time"
)

// FaultyDisk makes writes to the file of used leases go wrong.
type FaultyDisk struct {
	Room     int   // bytes a write still takes; below 0, as many as it likes
	Truncate error // what taking a write back fails with
	Full     error // what a write without room fails with
}

// OpenSerialsOn is OpenSerials on a disk that a test breaks.
func OpenSerialsOn(disk *FaultyDisk, path string, now time.Time) (*Serials, error) {
	return openSerials(path, now, func(path string) (serialFile, error) {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o600)
		return faultyFile{f, disk}, err
	})
}

type faultyFile struct {
	*os.File
	disk *FaultyDisk
}

func (f faultyFile) Write(p []byte) (int, error) {
	if f.disk.Room < 0 || len(p) <= f.disk.Room {
		return f.File.Write(p)
	}
	n, _ := f.File.Write(p[:f.disk.Room])
	return n, f.disk.Full
}

func (f faultyFile) Truncate(size int64) error {
	if f.disk.Truncate != nil {
		return f.disk.Truncate
	}
	return f.File.Truncate(size)
}
