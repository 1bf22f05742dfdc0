// Package payout keeps where a node's payouts go, if not to its own key: another
// Solana address and the proof that its owner wants them, in one file of the data
// directory. What has no proof is neither stored nor read.
//
// It sends nothing; package relay tells routers.
package payout

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/fallow-network/fallow/relay/durable"
	"github.com/fallow-network/fallow/relay/wire"
)

// FileName is the name of the file within a data directory.
const FileName = "payout.json"

const (
	version = 1
	maxFile = 4 << 10 // bytes
)

// ErrFile says that the file cannot be used, or is of another node.
var ErrFile = errors.New("payout address cannot be used")

// Address is where payouts go. The zero Address is the node's own key.
type Address struct {
	Key   wire.Key `json:"address"`
	Proof []byte   `json:"proof"` // see wire.VerifyPayout
}

// IsZero reports whether payouts go to the node's own key.
func (a Address) IsZero() bool { return a.Key.IsZero() }

type file struct {
	Version int `json:"version"`
	Address
}

// Load is the address of the node in dir, the zero Address if there is no file.
// The error wraps ErrFile if the file is damaged or its proof is for another
// node, as after restoring another identity.
func Load(dir string, node wire.Key) (Address, error) {
	path := filepath.Join(dir, FileName)
	text, err := durable.ReadFile(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return Address{}, nil
	}
	if err != nil && !errors.Is(err, durable.ErrLarge) {
		return Address{}, fmt.Errorf("read payout address: %w", err)
	}
	var f file
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if err == nil && f.Version != version {
		err = fmt.Errorf("version %d", f.Version)
	}
	if err == nil {
		err = wire.VerifyPayout(node, f.Key, f.Proof)
	}
	if err != nil {
		return Address{}, fmt.Errorf("%s: %w: %w; set it again with fallow-node identity payout set, or remove the file", path, ErrFile, err)
	}
	return f.Address, nil
}

// Save stores a, or with the zero Address removes what is stored. The error wraps
// wire.ErrPayoutProof if a has not agreed.
func Save(dir string, node wire.Key, a Address) error {
	path := filepath.Join(dir, FileName)
	if a.IsZero() {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove payout address: %w", err)
		}
		return durable.SyncDir(dir)
	}
	if err := wire.VerifyPayout(node, a.Key, a.Proof); err != nil {
		return err
	}
	text, err := json.MarshalIndent(file{version, a}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode payout address: %w", err)
	}
	return durable.WriteFile(path, append(text, '\n'))
}
