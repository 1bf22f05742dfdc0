package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/api"
)

func newEpochChallenge(t *target) *cobra.Command {
	var node, claim string
	cmd := &cobra.Command{
		Use:   "challenge NUMBER --node ID --claim TEXT",
		Short: "Say that a closed epoch is wrong about a node",
		Long: `File a challenge of a closed epoch, while its window is open. Nothing of the epoch is
paid until the challenge is decided (epoch decide).`,
		Example: `  fallow-router epoch challenge 12 --node 7xKX... --claim "the receipt of job j-81 is missing" --data ./data/router`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			number, err := epochNumber(args[0])
			if err != nil {
				return err
			}
			if node == "" || claim == "" {
				return usageError{errors.New("say about whom and what: --node ID --claim TEXT")}
			}
			return t.showChallenges(cmd, func(ctx context.Context, c *api.Client) ([]api.Challenge, error) {
				made, err := c.Challenge(ctx, number, api.NewChallenge{Node: node, Claim: claim})
				return []api.Challenge{made}, err
			})
		},
	}
	cmd.Flags().StringVar(&node, "node", "", "the node it is about")
	cmd.Flags().StringVar(&claim, "claim", "", "what is wrong, in one line of at most 500 bytes")
	return cmd
}

func epochNumber(text string) (uint64, error) {
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil || number == 0 {
		return 0, usageError{fmt.Errorf("%q is not the number of an epoch; they count from 1", text)}
	}
	return number, nil
}

func newEpochChallenges(t *target) *cobra.Command {
	return &cobra.Command{
		Use:     "challenges [NUMBER]",
		Short:   "List challenges, newest first, of one epoch or of all",
		Example: "  fallow-router epoch challenges 12 --data ./data/router",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var number uint64
			if len(args) == 1 {
				var err error
				if number, err = epochNumber(args[0]); err != nil {
					return err
				}
			}
			return t.showChallenges(cmd, func(ctx context.Context, c *api.Client) ([]api.Challenge, error) { return c.Challenges(ctx, number) })
		},
	}
}

func newEpochDecide(t *target) *cobra.Command {
	var points, because string
	var reject bool
	cmd := &cobra.Command{
		Use:   "decide ID (--points N | --reject) --because TEXT",
		Short: "Decide a challenge",
		Long: `Uphold a challenge with the points the node is to get, or reject it. A closed epoch
never changes: the points come out of the pool of the next epoch that closes, and its
file says so, with your reason.`,
		Example: `  fallow-router epoch decide 3 --points 12.5 --because "the receipt is genuine" --data ./data/router
  fallow-router epoch decide 4 --reject --because "counted under job j-80" --data ./data/router`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil || id == 0 {
				return usageError{fmt.Errorf("%q is not the number of a challenge; see fallow-router epoch challenges", args[0])}
			}
			amount, err := parsePoints(points)
			switch {
			case err != nil:
				return usageError{err}
			case reject == (amount > 0):
				return usageError{errors.New("say one of --points N, above 0, and --reject")}
			case because == "":
				return usageError{errors.New("say why: --because TEXT")}
			}
			return t.showChallenges(cmd, func(ctx context.Context, c *api.Client) ([]api.Challenge, error) {
				decided, err := c.DecideChallenge(ctx, id, api.ChallengeDecision{Amount: amount, Because: because})
				return []api.Challenge{decided}, err
			})
		},
	}
	cmd.Flags().StringVar(&points, "points", "0", "points the node gets, with up to six decimals")
	cmd.Flags().BoolVar(&reject, "reject", false, "the epoch is right")
	cmd.Flags().StringVar(&because, "because", "", "why, in one line of at most 500 bytes; it is published")
	return cmd
}

// parsePoints reads points with up to six decimals, exactly.
func parsePoints(text string) (api.MicroPoints, error) {
	r, ok := new(big.Rat).SetString(text)
	if ok {
		r.Mul(r, big.NewRat(1_000_000, 1))
		if ok = r.IsInt() && r.Num().IsInt64() && r.Sign() >= 0; ok {
			return api.MicroPoints(r.Num().Int64()), nil
		}
	}
	return 0, fmt.Errorf("%q is no number of points with at most six decimals", text)
}

func (t *target) showChallenges(cmd *cobra.Command, ask func(context.Context, *api.Client) ([]api.Challenge, error)) error {
	return t.speak(cmd, func(ctx context.Context, c *api.Client, s screen) error {
		list, err := ask(ctx, c)
		if err != nil {
			return err
		}
		if t.json {
			return writeJSON(s.out, api.ChallengeList{Challenges: list})
		}
		if len(list) == 0 {
			s.printf("no challenges\n")
			return nil
		}
		rows := make([][]string, 0, len(list))
		for _, c := range list {
			booked := "-"
			if c.Booked > 0 {
				booked = "epoch " + strconv.FormatUint(c.Booked, 10)
			}
			rows = append(rows, []string{
				strconv.FormatUint(c.ID, 10), strconv.FormatUint(c.Epoch, 10), c.Node, c.State, c.Amount.String(), booked, c.Claim, orDash(c.Because),
			})
		}
		return s.table([]string{"ID", "EPOCH", "NODE", "STATE", "POINTS", "PAID IN", "CLAIM", "BECAUSE"}, rows)
	})
}

func newEpochLate(t *target) *cobra.Command {
	return &cobra.Command{
		Use:   "late FILE",
		Short: "Take receipts that came after their epoch had closed",
		Long: `Take receipts that both ends signed and that the epoch they belong to does not count in
full, as after restoring a backup. FILE has them as JSON, one a line, as a node keeps
them; - is standard input. What they prove beyond what was paid is paid with the open
epoch, with a note in its file. Taking one twice changes nothing.`,
		Example: "  fallow-router epoch late receipts.jsonl --data ./data/router",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			receipts, err := readReceipts(cmd.InOrStdin(), args[0])
			if err != nil {
				return err
			}
			return t.speak(cmd, func(ctx context.Context, c *api.Client, s screen) error {
				outcomes := make([]api.LateOutcome, 0, len(receipts))
				for i := range receipts {
					r := &receipts[i]
					o, err := c.Late(ctx, api.LateReceipt{Receipt: r.Encode(), RouterSig: r.RouterSig, NodeSig: r.NodeSig})
					if err != nil {
						return fmt.Errorf("receipt %d: %w", i+1, err)
					}
					outcomes = append(outcomes, o)
				}
				if t.json {
					return writeJSON(s.out, map[string]any{"receipts": outcomes})
				}
				for _, o := range outcomes {
					s.printf("node %s, epoch %d, job %s: %s proven\n", o.Node, o.Epoch, o.Job, bytesText(o.Proven))
				}
				return nil
			})
		},
	}
}

// maxLate bounds the receipts of one call.
const maxLate = 10_000

func readReceipts(stdin io.Reader, path string) ([]wire.Receipt, error) {
	in := stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, usageError{err}
		}
		defer f.Close()
		in = f
	}
	var list []wire.Receipt
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var r wire.Receipt
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("receipt %d: %w", len(list)+1, err)
		}
		if list = append(list, r); len(list) > maxLate {
			return nil, fmt.Errorf("more than %d receipts: cut the file", maxLate)
		}
	}
	return list, lines.Err()
}
