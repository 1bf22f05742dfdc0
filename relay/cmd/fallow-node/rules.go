package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/relay/control"
	"github.com/fallow-network/fallow/relay/rules"
)

func newRules(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "Say what this node may do, where, when and how much",
		Long: `The rules decide what is shared; no router can go around them. Changes take
effect at once if the agent runs, and when it starts if not.`,
		Example: `  fallow-node rules show
  fallow-node rules set --mbit 20 --daily-gb 5 --monthly-gb 100 --reset-day 15
  fallow-node rules schedule "mon-fri 22:00-07:00" "sat,sun 00:00-24:00"
  fallow-node rules deny example.org`,
	}
	cmd.AddCommand(
		newRulesShow(o), newRulesSet(o), newRulesSites(o, allowList), newRulesSites(o, denyList),
		newRulesCategory(o), newRulesSchedule(o), newRulesNetwork(o), newRulesReset(o),
	)
	return cmd
}

func newRulesShow(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Show the rules, and what they come to at the moment",
		Example: `  fallow-node rules show
  fallow-node rules show --json | jq .settings`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var shown control.Rules
			err := withAgent(cmd.Context(), o.dir, func(a agent) (err error) {
				shown, err = a.Rules(cmd.Context())
				return err
			})
			if err != nil {
				return err
			}
			if o.json {
				return printJSON(cmd.OutOrStdout(), shown)
			}
			return printRules(cmd.OutOrStdout(), shown)
		},
	}
}

// changeRules applies edit to the settings there are. Somebody else may change
// them meanwhile, such as the window: then edit is asked again.
func changeRules(cmd *cobra.Command, o *options, edit func(control.Rules, *rules.Settings) error) error {
	var shown control.Rules
	err := withAgent(cmd.Context(), o.dir, func(a agent) (err error) {
		for range 3 {
			shown, err = changeOnce(cmd.Context(), a, edit)
			if !errors.Is(err, rules.ErrRevision) {
				break
			}
		}
		return err
	})
	if errors.Is(err, rules.ErrInvalid) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	if o.json {
		return printJSON(cmd.OutOrStdout(), shown)
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), "Done.", shown.Sharing.Sentence)
	return err
}

func changeOnce(ctx context.Context, a agent, edit func(control.Rules, *rules.Settings) error) (control.Rules, error) {
	shown, err := a.Rules(ctx)
	if err != nil {
		return shown, err
	}
	s := shown.Settings
	if err := edit(shown, &s); err != nil {
		return shown, err
	}
	return a.SetRules(ctx, shown.Revision, s)
}

func newRulesSchedule(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "schedule WINDOW... | always",
		Short: "Share at certain times of the week only",
		Long: `Replace the schedule. A window is one or more days and a time of day, in local
time, such as "mon-fri 22:00-07:00", "sat,sun 00:00-24:00" or "daily 01:00-06:00".
One that ends before it begins ends on the next day.`,
		Example: `  fallow-node rules schedule "mon-fri 22:00-07:00" "sat,sun 00:00-24:00"
  fallow-node rules schedule always`,
		Args: atLeastOne("a window such as \"mon-fri 22:00-07:00\", or always"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var schedule rules.Schedule
			if !slices.Equal(args, []string{"always"}) {
				for _, text := range args {
					w, err := rules.ParseWindow(text)
					if err != nil {
						return usageError{err}
					}
					schedule = append(schedule, w)
				}
			}
			return changeRules(cmd, o, func(_ control.Rules, s *rules.Settings) error {
				s.Schedule = schedule
				return nil
			})
		},
	}
}

func newRulesNetwork(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "network",
		Short: "Allow the network this machine is in, or forget those allowed",
		Example: `  fallow-node rules network allow
  fallow-node rules network forget`,
		RunE: func(cmd *cobra.Command, _ []string) error { return sayWhat(cmd) },
	}
	cmd.AddCommand(&cobra.Command{
		Use:     "allow",
		Short:   "Share on the network this machine is in now",
		Example: "  fallow-node rules network allow",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return changeRules(cmd, o, func(shown control.Rules, s *rules.Settings) error {
				n := shown.Seen.Network
				if shown.Seen.At.IsZero() {
					return fmt.Errorf("which network that is, only a running agent can tell: %w", control.ErrNotRunning)
				}
				if n.ID == "" {
					return fmt.Errorf("the network has no name to remember it by; %s", n.Why)
				}
				s.Networks = slices.DeleteFunc(s.Networks, func(k rules.Network) bool { return k.ID == n.ID })
				s.Networks = append(s.Networks, rules.Network{ID: n.ID, Name: n.Name, Since: time.Now().UTC()})
				return nil
			})
		},
	}, &cobra.Command{
		Use:     "forget",
		Short:   "Share on no network until you allow it again",
		Example: "  fallow-node rules network forget",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return changeRules(cmd, o, func(_ control.Rules, s *rules.Settings) error {
				s.Networks = nil
				return nil
			})
		},
	})
	return cmd
}

func newRulesReset(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "reset",
		Short: "Go back to the rules of a new node",
		Long: `Go back to the rules of a new node. Your consent, a pause, what was carried and
the networks you allowed stay as they are.`,
		Example: "  fallow-node rules reset",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return changeRules(cmd, o, func(_ control.Rules, s *rules.Settings) error {
				networks := s.Networks
				*s = rules.DefaultSettings()
				s.Networks = networks
				return nil
			})
		},
	}
}
