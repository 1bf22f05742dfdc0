// Package identity keeps the Ed25519 key that a party is known by in one file.
// The file is a JSON array of 64 numbers, the seed and the public key, which is
// exactly a keypair file of Solana's command line tools: whoever holds the file
// can also spend what is paid to the key's address, and can carry it to any
// Solana wallet.
//
// It reads and writes that file and nothing else; it does not encrypt (package
// sealed does) or rotate. Nodes and routers both import it, so it stands below wire, imports
// nothing else of ours, and is the one place there that touches a disk.
package identity

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/fallow-network/fallow/relay/wire"
)

// FileName is the name of the file within a data directory.
const FileName = "identity.key"

// maxFile bounds what is read of the file, in bytes; 64 numbers need at most
// 321, a hand-formatted file somewhat more.
const maxFile = 4 << 10

// Errors of Load and LoadOrCreate. A file that causes one is never touched.
var (
	ErrCorrupt = errors.New("identity file is not a key")
	ErrExposed = errors.New("identity file can be read by others")
)

// Identity is a key pair. Private never leaves the process other than through
// the file.
type Identity struct {
	Private ed25519.PrivateKey
	Public  wire.Key
}

// String is the public key, so that a careless log line does not show the
// private one.
func (i Identity) String() string { return i.Public.String() }

// GoString is String, for the same reason.
func (i Identity) GoString() string { return "identity.Identity(" + i.Public.String() + ")" }

// LoadOrCreate reads the identity in dir, or draws one and stores it durably
// when there is none; dir is made with mode 0700 if needed. Two processes that
// create at once end up with the same identity. Errors wrap ErrCorrupt or
// ErrExposed, or come from the file system.
func LoadOrCreate(dir string) (Identity, error) {
	id, err := Load(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return id, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Identity{}, fmt.Errorf("make data directory: %w", err)
	}
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return Identity{}, fmt.Errorf("draw identity: %w", err)
	}
	if err := create(dir, private); err != nil && !errors.Is(err, fs.ErrExist) {
		return Identity{}, fmt.Errorf("store new identity: %w", err)
	}
	return Load(dir)
}

// Load reads the identity in dir. The error wraps fs.ErrNotExist when there is
// none, otherwise it is as for LoadOrCreate.
func Load(dir string) (Identity, error) {
	path := filepath.Join(dir, FileName)
	f, err := os.Open(path)
	if err != nil {
		return Identity{}, fmt.Errorf("open identity: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Identity{}, fmt.Errorf("look at identity: %w", err)
	}
	if !info.Mode().IsRegular() {
		return Identity{}, fmt.Errorf("%w: %s is not a regular file", ErrCorrupt, path)
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return Identity{}, fmt.Errorf("%w: %s has mode %04o; if nobody else could have read it, run: chmod 600 %s",
			ErrExposed, path, mode, path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return Identity{}, fmt.Errorf("read identity: %w", err)
	}
	id, err := Parse(text)
	if err != nil {
		return Identity{}, fmt.Errorf("%s: %w; restore it from a backup, or move it away to start anew under another address", path, err)
	}
	return id, nil
}

// Parse reads the text of an identity file. The error wraps ErrCorrupt and never
// quotes the text.
func Parse(text []byte) (Identity, error) {
	if len(text) > maxFile {
		return Identity{}, fmt.Errorf("%w: more than %d bytes", ErrCorrupt, maxFile)
	}
	var numbers []int
	if err := json.Unmarshal(text, &numbers); err != nil {
		return Identity{}, fmt.Errorf("%w: not a JSON array of numbers", ErrCorrupt)
	}
	if len(numbers) != ed25519.PrivateKeySize {
		return Identity{}, fmt.Errorf("%w: %d numbers, want %d", ErrCorrupt, len(numbers), ed25519.PrivateKeySize)
	}
	raw := make([]byte, len(numbers))
	for i, n := range numbers {
		if n < 0 || n > 255 {
			return Identity{}, fmt.Errorf("%w: number %d is not a byte", ErrCorrupt, i+1)
		}
		raw[i] = byte(n)
	}
	private := ed25519.NewKeyFromSeed(raw[:ed25519.SeedSize])
	if !private.Equal(ed25519.PrivateKey(raw)) {
		return Identity{}, fmt.Errorf("%w: its two halves do not belong together", ErrCorrupt)
	}
	return Identity{Private: private, Public: wire.KeyOf(private)}, nil
}

// Format is the text that Parse reads.
func Format(private ed25519.PrivateKey) []byte {
	numbers := make([]int, len(private))
	for i, b := range private {
		numbers[i] = int(b)
	}
	text, err := json.Marshal(numbers)
	if err != nil {
		panic("identity: numbers refused as JSON: " + err.Error())
	}
	return append(text, '\n')
}
