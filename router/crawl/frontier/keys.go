package frontier

import (
	"encoding/binary"
	"time"

	"lukechampine.com/blake3"
)

// Rows, all integers big-endian, times in milliseconds since 1970:
//
//	fj job4                               job: flags, counts, name
//	fd job4 n8                            count finished, not yet folded into fj
//	fk job4 site8                         count of URLs ever added
//	fs job4 n8                            fingerprints of URLs ever added, 8 bytes each
//	fq site8 job4 class1 order8 seq8      queued item; order is priority or time
//	ft site8                              site: wake, due, interval, name
//	fw wake8 site8                        sites by the time they want to be looked at
//	fn                                    next seq
//
// Every site with an item on disk has one ft and one fw row, also while it is
// active in memory: a process that dies leaves nothing that is not found again.
const (
	prefixJob   = "fj"
	prefixDone  = "fd"
	prefixKnown = "fk"
	prefixSeen  = "fs"
	prefixQueue = "fq"
	prefixSite  = "ft"
	prefixWake  = "fw"
	keySeq      = "fn"
)

// Classes of queued items. A delayed item is ordered by the time it waits for.
const (
	classReady   = 0
	classDelayed = 1
)

const (
	queueJobAt   = len(prefixQueue) + 8
	queueClassAt = queueJobAt + 4
	queueKeyLen  = queueClassAt + 1 + 8 + 8
	wakeSiteAt   = len(prefixWake) + 8
	wakeKeyLen   = wakeSiteAt + 8
)

// Names are hashed with BLAKE3 because pages choose them: with a weaker hash a
// page could make one URL pass for another, or two sites share a clock.

func siteID(name string) uint64 {
	sum := blake3.Sum256([]byte(name))
	return binary.BigEndian.Uint64(sum[:])
}

func rowKey(prefix string, job uint32, rest ...byte) []byte {
	k := make([]byte, 0, len(prefix)+4+len(rest))
	k = append(k, prefix...)
	k = binary.BigEndian.AppendUint32(k, job)
	return append(k, rest...)
}

func jobKey(job uint32) []byte { return rowKey(prefixJob, job) }

func doneKey(job uint32, n uint64) []byte {
	return binary.BigEndian.AppendUint64(rowKey(prefixDone, job), n)
}

func knownKey(job uint32, site uint64) []byte {
	return binary.BigEndian.AppendUint64(rowKey(prefixKnown, job), site)
}

func siteKey(site uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(prefixSite), site)
}

func wakeKey(wake time.Time, site uint64) string {
	k := make([]byte, 0, wakeKeyLen)
	k = append(k, prefixWake...)
	k = binary.BigEndian.AppendUint64(k, millis(wake))
	return string(binary.BigEndian.AppendUint64(k, site))
}

func wakeOf(key string) (wake time.Time, site uint64) {
	return fromMillis(binary.BigEndian.Uint64([]byte(key[len(prefixWake):]))),
		binary.BigEndian.Uint64([]byte(key[wakeSiteAt:]))
}

// siteQueuePrefix is the start of all queues of one site.
func siteQueuePrefix(site uint64) []byte {
	k := make([]byte, 0, queueKeyLen)
	k = append(k, prefixQueue...)
	return binary.BigEndian.AppendUint64(k, site)
}

// queuePrefix is the start of the queue of one site and job.
func queuePrefix(site uint64, job uint32) []byte {
	return binary.BigEndian.AppendUint32(siteQueuePrefix(site), job)
}

// queueKey is where it belongs in the queue at the time now.
func queueKey(it *Item, site uint64, job uint32, seq uint64, now time.Time) string {
	class, order := byte(classReady), uint64(it.Priority)
	if it.NotBefore.After(now) {
		class, order = classDelayed, millis(it.NotBefore)
	}
	k := append(queuePrefix(site, job), class)
	k = binary.BigEndian.AppendUint64(k, order)
	return string(binary.BigEndian.AppendUint64(k, seq))
}

func queueSite(key string) uint64 {
	return binary.BigEndian.Uint64([]byte(key[len(prefixQueue):]))
}

func queueJob(key string) uint32 {
	return binary.BigEndian.Uint32([]byte(key[queueJobAt:]))
}

// after returns the least key above all keys that begin with prefix.
func after(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		end[i]++
		if end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

// millis rounds up, so that a time read back is never earlier.
func millis(t time.Time) uint64 {
	if t.IsZero() || t.UnixMilli() < 0 {
		return 0
	}
	return uint64(t.Add(time.Millisecond - time.Nanosecond).UnixMilli())
}

func fromMillis(ms uint64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(ms))
}
