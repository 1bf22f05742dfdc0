// Package blob keeps immutable blobs under slash-separated keys: the seam
// behind which a file system stands today and an object store may later.
//
// What passes the suite in blobtest is a Store. Nothing here knows what a blob
// holds.
package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// Info describes a blob.
type Info struct {
	Key   string
	Bytes int64
}

// Store keeps blobs. All methods may be called concurrently. A blob is never
// seen half written: under a key stands nothing, the old bytes or the new ones.
type Store interface {
	// Put stores everything r has under key, in place of what was there. When
	// it returns nil, the blob survives a power cut; when it returns an error,
	// the key holds what it held before.
	Put(ctx context.Context, key string, r io.Reader) (Info, error)
	// Get reads length bytes from offset on; a negative length means to the
	// end. The range must lie within the blob. ErrNotFound if there is none.
	Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error)
	// Stat describes a blob. ErrNotFound if there is none.
	Stat(ctx context.Context, key string) (Info, error)
	// List calls yield for every blob whose key begins with prefix, in the
	// order of the keys' bytes, until yield returns an error.
	List(ctx context.Context, prefix string, yield func(Info) error) error
	// Delete removes a blob. That there is none is no error.
	Delete(ctx context.Context, key string) error
}

var (
	// ErrNotFound says that there is no blob under a key.
	ErrNotFound = errors.New("no such blob")
	// ErrKey says that a key cannot be one.
	ErrKey = errors.New("not a key")
	// ErrRange says that a range does not lie within its blob.
	ErrRange = errors.New("range outside of the blob")
)

// Bounds of keys, which every store keeps so that all accept the same ones.
const (
	MaxKey  = 900 // bytes of a key; S3 takes 1,024 with the store's own prefix
	MaxPart = 200 // bytes between two slashes
)

// CheckKey says whether key can name a blob: parts joined by slashes, none
// empty, "." or "..", none beginning with a dot (stores keep such names for
// themselves), no control characters, no backslash, no colon.
func CheckKey(key string) error {
	if len(key) > MaxKey || !fs.ValidPath(key) || key == "." {
		return fmt.Errorf("%w: %.100q", ErrKey, key)
	}
	for part := range strings.SplitSeq(key, "/") {
		if len(part) > MaxPart || part[0] == '.' {
			return fmt.Errorf("%w: part %.100q", ErrKey, part)
		}
	}
	for i := range len(key) {
		if c := key[i]; c < ' ' || c == 0x7f || c == '\\' || c == ':' {
			return fmt.Errorf("%w: it has a byte 0x%02x", ErrKey, c)
		}
	}
	return nil
}
