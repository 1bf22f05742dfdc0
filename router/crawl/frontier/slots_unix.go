//go:build unix

package frontier

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapFrom is the size in slots from which a segment is taken from the system and
// not from Go's heap: beside a gigabyte of live heap the collector would let another
// gigabyte of garbage gather.
const mapFrom = 8192

// newSlots returns n empty slots. Give them back with freeSlots.
func newSlots(n int) []uint64 {
	if n < mapFrom {
		return make([]uint64, n)
	}
	raw, err := unix.Mmap(-1, 0, n*slotBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil { // the number of mappings is bounded by the system
		return make([]uint64, n)
	}
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(raw))), n)
}

func freeSlots(slots []uint64) {
	if len(slots) < mapFrom {
		return
	}
	raw := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(slots))), len(slots)*slotBytes)
	_ = unix.Munmap(raw) // one that came from the heap is not known to it, and stays the collector's
}
