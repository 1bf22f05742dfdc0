package journal

import (
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/fallow-network/fallow/relay/durable"
)

// recover finds where to go on and cuts a torn end off the last segment; the
// ones before it were synced when they were full. Only an end is ever cut:
// damage with whole entries after it stays where it is, for Verify to name.
func (j *Journal) recover() error {
	for i, s := range slices.Backward(j.segments) {
		last, found, err := lastWhole(s)
		if err != nil {
			return err
		}
		if i == len(j.segments)-1 {
			whole := last.offset + last.length // 0 if there is none
			if s.size > whole {
				if err := j.cutOff(j.last(), whole); err != nil {
					return err
				}
			}
			j.seq = s.first - 1
		}
		if found {
			j.seq, j.head = max(j.seq, last.entry.Seq), last.hash
			return nil
		}
	}
	return nil
}

// cutOff moves what lies behind the first whole bytes of s to a file beside it
// and makes that durable before anything is removed.
func (j *Journal) cutOff(s *segment, whole int64) error {
	kept := s.path + tornSuffix
	if err := copyTail(s.path, kept, whole); err != nil {
		return fmt.Errorf("keep torn journal end: %w", err)
	}
	if err := durable.SyncDir(j.dir); err != nil {
		return err
	}
	f, err := os.OpenFile(s.path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("cut torn journal end: %w", err)
	}
	defer f.Close()
	if err := f.Truncate(whole); err != nil {
		return fmt.Errorf("cut torn journal end: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("cut torn journal end: %w", err)
	}
	j.torn.Bytes += s.size - whole
	j.torn.Kept = kept
	s.size = whole
	return nil
}

func copyTail(from, to string, offset int64) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if _, err := in.Seek(offset, io.SeekStart); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.Sync()
	}
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	return err
}

// retain removes segments whose entries are all too old, and the oldest while
// there are too many bytes; never the one being written. A segment that cannot
// be removed stays and is tried again at the next rotation.
func (j *Journal) retain() {
	total := int64(0)
	for _, s := range j.segments {
		total += s.size
	}
	oldest := j.now().Add(-j.cfg.MaxAge)
	for len(j.segments) > 1 {
		s := j.segments[0]
		info, err := os.Stat(s.path) // its last write is the time of its last entry
		tooOld := err == nil && info.ModTime().Before(oldest)
		if !tooOld && total <= j.cfg.MaxBytes {
			return
		}
		if err := os.Remove(s.path); err != nil && !os.IsNotExist(err) {
			j.log.Warn("old journal segment cannot be removed", "error", err)
			return
		}
		_ = os.Remove(s.path + tornSuffix)
		total -= s.size
		j.segments = j.segments[1:]
	}
}
