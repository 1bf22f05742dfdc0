//go:build !unix

package frontier

func newSlots(n int) []uint64 { return make([]uint64, n) }

func freeSlots([]uint64) {}
