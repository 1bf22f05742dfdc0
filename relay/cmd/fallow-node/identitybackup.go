package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/relay/datadir"
	"github.com/fallow-network/fallow/relay/durable"
	"github.com/fallow-network/fallow/relay/sealed"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/identity"
)

// backup is what identity export and restore print as JSON.
type backup struct {
	Node   wire.Key `json:"node"`
	File   string   `json:"file"`
	Sealed bool     `json:"sealed"`
}

const plainWarning = `Warning: this file is not encrypted. Whoever reads it can act as this node and
spend what is paid to its address. Keep it where nobody else looks.`

func newIdentityExport(o *options) *cobra.Command {
	var out, passphraseFile string
	var plain bool
	cmd := &cobra.Command{
		Use:   "export --out FILE",
		Short: "Back the identity up into an encrypted file",
		Long: fmt.Sprintf(`Write the identity into FILE, encrypted with a passphrase of at least %d
characters that is asked for twice. Without the passphrase nobody can restore the
file, you included. With --plain the file is a Solana keypair as it is, which
wallets import. A file that exists is not replaced. The agent may run.`, sealed.MinPassphrase),
		Example: `  fallow-node identity export --out fallow-identity.json
  fallow-node identity export --out fallow-identity.json --passphrase-file secret.txt
  fallow-node identity export --plain --out keypair.json   # not encrypted, for a Solana wallet`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case out == "":
				return usageError{errors.New("say where to: add --out FILE")}
			case plain && passphraseFile != "":
				return usageError{errors.New("--plain encrypts nothing, so it takes no passphrase")}
			}
			id, err := identity.Load(o.dir)
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("there is no identity in %s yet; it is made when the agent first runs", o.dir)
			}
			if err != nil {
				return err
			}
			if err := absent(out); err != nil {
				return err
			}
			text := identity.Format(id.Private)
			if plain {
				fmt.Fprintln(cmd.ErrOrStderr(), paint(cmd.ErrOrStderr(), yellow, plainWarning))
			} else {
				passphrase, err := readPassphrase(cmd.ErrOrStderr(), passphraseFile, true)
				if err != nil {
					return err
				}
				if text, err = sealed.Seal(id, passphrase); err != nil {
					return err
				}
			}
			if err := durable.WriteFile(out, text); err != nil {
				return err
			}
			if o.json {
				return printJSON(cmd.OutOrStdout(), backup{id.Public, out, !plain})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Done. The identity of node %s is in %s.\n", id.Public, out)
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file to write")
	cmd.Flags().StringVar(&passphraseFile, "passphrase-file", "", "file whose first line is the passphrase; asked for without it")
	cmd.Flags().BoolVar(&plain, "plain", false, "do not encrypt; write a Solana keypair file")
	return cmd
}

// absent refuses a path that is taken: a backup may be the only one.
func absent(path string) error {
	switch _, err := os.Lstat(path); {
	case err == nil:
		return fmt.Errorf("%s exists already and is not replaced; choose another name or move it away", path)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("look for %s: %w", path, err)
	}
	return nil
}

func newIdentityRestore(o *options) *cobra.Command {
	var passphraseFile string
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Take an identity from a backup, encrypted or a Solana keypair",
		Long: `Take the identity of a file that identity export wrote, with its passphrase, or
of a Solana keypair file. The agent has to be stopped. An identity that is there
already is never replaced: move it away first. Two agents with one identity take
the connection from each other in turn, so let the old one rest.`,
		Example: `  fallow-node identity restore fallow-identity.json
  fallow-node identity restore fallow-identity.json --passphrase-file secret.txt --data /srv/fallow`,
		Args: one("one file to restore from"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			text, err := readBounded(args[0], sealed.MaxSize)
			if err != nil {
				return fmt.Errorf("read backup: %w", err)
			}
			hold, err := datadir.Take(o.dir)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, hold.Release()) }()
			place := filepath.Join(o.dir, identity.FileName)
			if _, err := os.Lstat(place); !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("there is an identity already: %s; if you are sure, move it away and try again", place)
			}
			var id identity.Identity
			isPlain := bytes.HasPrefix(bytes.TrimSpace(text), []byte("["))
			if isPlain {
				id, err = identity.Parse(text)
			} else {
				id, err = unseal(cmd, text, passphraseFile)
			}
			if err != nil {
				return fmt.Errorf("restore %s: %w", args[0], err)
			}
			if err := identity.Store(o.dir, id); err != nil {
				return err
			}
			if o.json {
				return printJSON(cmd.OutOrStdout(), backup{id.Public, place, !isPlain})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Done. This is node %s now.\n", id.Public)
			return nil
		},
	}
	cmd.Flags().StringVar(&passphraseFile, "passphrase-file", "", "file whose first line is the passphrase; asked for without it")
	return cmd
}

func unseal(cmd *cobra.Command, text []byte, passphraseFile string) (identity.Identity, error) {
	d, err := sealed.Parse(text)
	if err != nil {
		return identity.Identity{}, err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "This is a backup of node %s.\n", d.Node())
	passphrase, err := readPassphrase(cmd.ErrOrStderr(), passphraseFile, false)
	if err != nil {
		return identity.Identity{}, err
	}
	return d.Open(passphrase)
}
