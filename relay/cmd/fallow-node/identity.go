package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/identity"
)

func newIdentity(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "identity",
		Short:   "Show, back up or restore this node's identity",
		Example: "  fallow-node identity show\n  fallow-node identity export --out fallow-identity.json",
	}
	cmd.AddCommand(newIdentityExport(o), newIdentityRestore(o), newPayout(o), &cobra.Command{
		Use:   "show",
		Short: "Show the node's public key, which is its Solana address too",
		Long: `Show the public key that names this node everywhere and is its Solana address,
the same key as a libp2p peer id, and the file that holds the secret half. The
secret is never shown.`,
		Example: "  fallow-node identity show --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			id, err := identity.Load(o.dir)
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("there is no identity in %s yet; it is made when the agent first runs", o.dir)
			}
			if err != nil {
				return err
			}
			shown := struct {
				Node   wire.Key `json:"node"`
				PeerID string   `json:"peer_id"`
				File   string   `json:"file"`
			}{id.Public, id.Public.PeerID().String(), filepath.Join(o.dir, identity.FileName)}
			if o.json {
				return printJSON(cmd.OutOrStdout(), shown)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Node     %s\nPeer id  %s\nFile     %s\n", shown.Node, shown.PeerID, shown.File)
			return err
		},
	})
	return cmd
}
