//go:build unix

package router

import "golang.org/x/sys/unix"

// freeSpace is how many bytes a program without privileges may still write.
func freeSpace(dir string) (uint64, bool) {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return 0, false
	}
	return s.Bavail * uint64(s.Bsize), true
}
