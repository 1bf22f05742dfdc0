package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/relay/control"
	"github.com/fallow-network/fallow/relay/rules"
)

func newPause(o *options) *cobra.Command {
	var span time.Duration
	cmd := &cobra.Command{
		Use:   "pause",
		Short: "Stop sharing at once, until you resume or for a while",
		Example: `  fallow-node pause
  fallow-node pause --for 1h30m`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var until time.Time
			if cmd.Flags().Changed("for") {
				if span <= 0 {
					return usageError{fmt.Errorf("--for is %s, want more than 0", span)}
				}
				until = time.Now().Add(span)
			}
			return pauseOrResume(cmd, o, func(r *rules.Rules) error { return r.Pause(until) }, func(c *control.Client) (string, error) {
				s, err := c.Pause(cmd.Context(), until)
				return s.Sentence, err
			})
		},
	}
	cmd.Flags().DurationVar(&span, "for", 0, "resume by itself after this long, such as 45m or 2h")
	return cmd
}

func newResume(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "resume",
		Short:   "Share again after a pause",
		Example: "  fallow-node resume",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return pauseOrResume(cmd, o, (*rules.Rules).Resume, func(c *control.Client) (string, error) {
				s, err := c.Resume(cmd.Context())
				return s.Sentence, err
			})
		},
	}
}

// pauseOrResume asks the running agent or, if none runs, changes its file.
func pauseOrResume(cmd *cobra.Command, o *options, change func(*rules.Rules) error, ask func(*control.Client) (string, error)) error {
	sentence, err := ask(control.NewClient(o.dir))
	if errors.Is(err, control.ErrNotRunning) {
		err = withRules(o.dir, func(r *rules.Rules) error {
			err := change(r)
			sentence = "Noted. No agent is running; when it starts: " + r.Sharing(time.Now()).Sentence
			return err
		})
	}
	if err != nil {
		return err
	}
	if o.json {
		return printJSON(cmd.OutOrStdout(), map[string]string{"sentence": sentence})
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), sentence)
	return err
}
