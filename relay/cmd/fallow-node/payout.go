package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/mr-tron/base58"
	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/relay"
	"github.com/fallow-network/fallow/relay/control"
	"github.com/fallow-network/fallow/relay/datadir"
	"github.com/fallow-network/fallow/relay/payout"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/identity"
)

func newPayout(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "payout",
		Short: "Show or change where payouts go",
		Long: `Payouts go to the node's own key, which is a Solana address, unless you name
another address and show that its owner wants them: a signature of that address
over a text that names it and this node.`,
		Example: `  fallow-node identity payout show
  fallow-node identity payout text ADDRESS
  fallow-node identity payout set ADDRESS --proof SIGNATURE
  fallow-node identity payout own`,
	}
	cmd.AddCommand(newPayoutShow(o), newPayoutText(o), newPayoutSet(o), &cobra.Command{
		Use:     "own",
		Short:   "Have payouts go to the node's own key again",
		Example: "  fallow-node identity payout own",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.changePayout(cmd, func(wire.Key) (payout.Address, error) { return payout.Address{}, nil })
		},
	})
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return sayWhat(cmd) }
	return cmd
}

func newPayoutShow(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "show",
		Short:   "Show where payouts go",
		Example: "  fallow-node identity payout show --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := control.NewClient(o.dir).Payout(cmd.Context())
			if errors.Is(err, control.ErrNotRunning) {
				p, err = storedPayout(o.dir)
			}
			if err != nil {
				return err
			}
			return printPayout(cmd.OutOrStdout(), o, p)
		},
	}
}

func newPayoutText(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "text ADDRESS",
		Short:   "Print the text that ADDRESS has to sign",
		Example: `  solana sign-offchain-message "$(fallow-node identity payout text ADDRESS)"`,
		Args:    one("the Solana address that is to get the payouts"),
		RunE: func(cmd *cobra.Command, args []string) error {
			address, err := wire.ParseKey(args[0])
			if err != nil {
				return usageError{err}
			}
			node, err := nodeKey(o.dir)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), wire.PayoutText(node, address))
			return err
		},
	}
}

func newPayoutSet(o *options) *cobra.Command {
	var proof, keypair string
	cmd := &cobra.Command{
		Use:   "set ADDRESS --proof SIGNATURE | set --keypair FILE",
		Short: "Have payouts go to another Solana address",
		Long: `Have payouts go to ADDRESS. Its owner makes the proof with Solana's own tool,

  solana sign-offchain-message "$(fallow-node identity payout text ADDRESS)"

on the machine that has the key (add -k FILE, or usb://ledger for a hardware
wallet), and gives you the signature it prints. A wallet that signs text will do
as well: it signs what "identity payout text ADDRESS" prints.

If the key of the address lies on this machine in a Solana keypair file, --keypair
FILE makes the proof from it; the key is used once and not kept.

The router checks the proof when the node connects, and "status" says when it has
the new address on record.`,
		Example: `  fallow-node identity payout set 7v91N7iZ9mNicL8WfG6cgSCKyRXydQjLh6UYBWwm6y1Q --proof 3yZe7d...
  fallow-node identity payout set --keypair ~/.config/solana/id.json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (proof == "") == (keypair == "") || (keypair == "") != (len(args) == 1) {
				return usageError{errors.New("give ADDRESS with --proof SIGNATURE, or --keypair FILE; see fallow-node identity payout set --help")}
			}
			return o.changePayout(cmd, func(node wire.Key) (payout.Address, error) {
				if keypair != "" {
					return provedBy(node, keypair)
				}
				address, err := wire.ParseKey(args[0])
				if err != nil {
					return payout.Address{}, usageError{err}
				}
				signature, err := base58.Decode(proof)
				if err != nil || len(proof) > 100 {
					return payout.Address{}, usageError{errors.New("--proof is not a signature in base58, as solana sign-offchain-message prints it")}
				}
				return payout.Address{Key: address, Proof: signature}, nil
			})
		},
	}
	cmd.Flags().StringVar(&proof, "proof", "", "signature of ADDRESS in base58")
	cmd.Flags().StringVar(&keypair, "keypair", "", "Solana keypair file of the address, instead of ADDRESS and --proof")
	return cmd
}

// provedBy makes the proof with a keypair file, which must be closed to others as
// an identity is.
func provedBy(node wire.Key, path string) (payout.Address, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return payout.Address{}, fmt.Errorf("read keypair: %w", err)
	}
	id, err := identity.Parse(text)
	if err != nil {
		return payout.Address{}, fmt.Errorf("%s: %w", path, err)
	}
	return payout.Address{Key: id.Public, Proof: wire.SignPayout(node, id.Private)}, nil
}

// changePayout stores what choose gives, through the agent if one runs.
func (o *options) changePayout(cmd *cobra.Command, choose func(node wire.Key) (payout.Address, error)) error {
	node, err := nodeKey(o.dir)
	if err != nil {
		return err
	}
	to, err := choose(node)
	if err != nil {
		return err
	}
	if !to.IsZero() {
		if err := wire.VerifyPayout(node, to.Key, to.Proof); err != nil {
			return fmt.Errorf("%w %s: the signature has to be of the text that fallow-node identity payout text %s prints", err, node, to.Key)
		}
	}
	p, err := control.NewClient(o.dir).SetPayout(cmd.Context(), to)
	if errors.Is(err, control.ErrNotRunning) {
		p, err = storePayout(cmd.Context(), o.dir, node, to)
	}
	if err != nil {
		return err
	}
	return printPayout(cmd.OutOrStdout(), o, p)
}

// storePayout changes the file of an agent that is stopped.
func storePayout(_ context.Context, dir string, node wire.Key, to payout.Address) (p relay.Payout, err error) {
	hold, err := datadir.Take(dir)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, hold.Release()) }()
	if err := payout.Save(dir, node, to); err != nil {
		return p, err
	}
	return storedPayout(dir)
}

func storedPayout(dir string) (relay.Payout, error) {
	node, err := nodeKey(dir)
	if err != nil {
		return relay.Payout{}, err
	}
	to, err := payout.Load(dir, node)
	if err != nil {
		return relay.Payout{}, err
	}
	if to.IsZero() {
		return relay.Payout{Address: node, Own: true}, nil
	}
	return relay.Payout{Address: to.Key}, nil
}

func nodeKey(dir string) (wire.Key, error) {
	id, err := identity.Load(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return wire.Key{}, fmt.Errorf("there is no identity in %s yet; it is made when the agent first runs", dir)
	}
	return id.Public, err
}

func printPayout(w io.Writer, o *options, p relay.Payout) error {
	if o.json {
		return printJSON(w, p)
	}
	_, err := fmt.Fprintf(w, "Payouts go to %s\n", payoutText(p))
	return err
}

func payoutText(p relay.Payout) string {
	text := p.Address.String()
	if p.Own {
		text += " (the node's own key)"
	}
	if !p.Confirmed {
		text += ", not confirmed by a router yet"
	}
	return text
}
