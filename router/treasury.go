package router

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/fallow-network/fallow/relay/wire/identity"
	"github.com/fallow-network/fallow/router/settle"
	"github.com/fallow-network/fallow/router/solana"
)

// SettleConfig says how epochs are settled, on which chain and with which key.
type SettleConfig struct {
	settle.Config
	RPC      []string // URLs of Solana RPC endpoints; paying needs two operators'
	Key      string   // the treasury's key file; default TreasuryFile in the data directory
	Priority uint64   // offered per compute unit, in millionths of a lamport
}

// TreasuryFile is where the treasury's key is unless the configuration says
// otherwise. The form is that of Solana's own tools.
const TreasuryFile = "treasury.json"

// TreasuryPath is where a router with its data in dir has the treasury's key.
func (c SettleConfig) TreasuryPath(dir string) string {
	if c.Key != "" {
		return c.Key
	}
	return filepath.Join(dir, TreasuryFile)
}

// ErrNoTreasury says that there is no key file.
var ErrNoTreasury = errors.New("there is no treasury key")

const maxKeyFile = 4 << 10 // bytes

// LoadTreasury reads a key file. One that others on the machine can read is
// refused.
func LoadTreasury(path string) (ed25519.PrivateKey, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w at %s: make one with fallow-router settle key --new, or name another with settle.key", ErrNoTreasury, path)
	case err != nil:
		return nil, fmt.Errorf("read treasury key: %w", err)
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("others on this machine can read the treasury's key: chmod 600 %s", path)
	case info.Size() > maxKeyFile:
		return nil, fmt.Errorf("%s is no key file", path)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read treasury key: %w", err)
	}
	id, err := identity.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("%s is no key file: %w", path, err)
	}
	return id.Private, nil
}

// CreateTreasury makes a new key file, never over one that is there.
func CreateTreasury(path string) (ed25519.PrivateKey, error) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make treasury key: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make treasury key: %w", err)
	}
	_, err = f.Write(identity.Format(private))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("write treasury key: %w", err)
	}
	return private, nil
}

// newChain connects to the chain that cfg names; nil if nothing is settled. It
// asks nobody anything yet, so a router starts without the chain.
func newChain(ctx context.Context, dir string, cfg SettleConfig, witness ed25519.PrivateKey) (*solana.Chain, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Mode == settle.ModeOff {
		return nil, nil
	}
	private, err := LoadTreasury(cfg.TreasuryPath(dir))
	if err != nil {
		return nil, err
	}
	chainConfig := solana.Config{Endpoints: cfg.RPC, Priority: cfg.Priority}
	if cfg.Mode == settle.ModePay {
		chainConfig.Mint = cfg.Mint
	}
	return solana.New(ctx, chainConfig, settle.KeySigner{Private: private}, settle.KeySigner{Private: witness})
}
