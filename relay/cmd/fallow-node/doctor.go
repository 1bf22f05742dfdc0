package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/relay/control"
	"github.com/fallow-network/fallow/relay/doctor"
	"github.com/fallow-network/fallow/relay/routerlist"
	"github.com/fallow-network/fallow/relay/rules"
	"github.com/fallow-network/fallow/relay/uplink"
)

// examination is what doctor prints as JSON.
type examination struct {
	Version  string           `json:"version"`
	Platform string           `json:"platform"`
	OK       bool             `json:"ok"`
	Steps    []doctor.Finding `json:"steps"`
}

func newDoctor(o *options) *cobra.Command {
	var routers []string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Find out why the node does not share, and what to do",
		Long: `Look at the data directory, the identity, your consent, the rules, the clock and
the way to each router, and name the step that fails. Nothing is changed. The
report has no secrets and not your own address, so you can copy it into a
question. Without your consent no router is tried.

Exit codes: 0 all in order, 1 a step failed.`,
		Example: `  fallow-node doctor
  fallow-node doctor --router /dns4/router.example.org/tcp/4001/p2p/12D3KooW...
  fallow-node doctor --json | jq '.steps[] | select(.result == "failed")'`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			given, err := uplink.ParseRouters(routers)
			if err != nil {
				return usageError{err}
			}
			p := patient(cmd.Context(), o.dir)
			if len(given) > 0 {
				p.Routers, p.Err = given, nil
			}
			e := examination{Version: version, Platform: runtime.GOOS + "/" + runtime.GOARCH, Steps: doctor.Examine(cmd.Context(), p)}
			e.OK = !doctor.Failed(e.Steps)
			if o.json {
				err = printJSON(cmd.OutOrStdout(), e)
			} else {
				printExamination(cmd.OutOrStdout(), e)
			}
			if err == nil && !e.OK {
				err = errors.New("a step failed; see what to do above")
			}
			return err
		},
	}
	cmd.Flags().StringArrayVar(&routers, "router", nil, "try this router instead of those the agent has; may be repeated")
	return cmd
}

// patient asks the agent, or reads the files if none runs.
func patient(ctx context.Context, dir string) doctor.Patient {
	p := doctor.Patient{Dir: dir}
	var addresses []string
	var err error
	if s, asked := control.NewClient(dir).Status(ctx); asked == nil {
		p.Status = &s
		p.Consent = func() (rules.Consent, error) { return s.Consent, nil }
		for _, r := range s.Routers {
			for _, a := range r.Addresses {
				addresses = append(addresses, a+"/p2p/"+r.Router.PeerID().String())
			}
		}
	} else {
		p.Consent = func() (c rules.Consent, err error) {
			err = withRules(dir, func(r *rules.Rules) error { c = r.Consent(); return nil })
			return c, err
		}
		addresses, err = routerlist.Load(dir)
	}
	if err == nil {
		p.Routers, err = uplink.ParseRouters(addresses)
	}
	p.Err = err
	return p
}

func printExamination(w io.Writer, e examination) {
	fmt.Fprintf(w, "fallow-node %s on %s\n", e.Version, e.Platform)
	for _, f := range e.Steps {
		mark := fmt.Sprintf("%-8s", f.Result)
		switch f.Result {
		case doctor.Good:
			mark = paint(w, green, mark)
		case doctor.Bad, doctor.Notable:
			mark = paint(w, yellow, mark)
		}
		fmt.Fprintf(w, "%s %-15s %s\n", mark, f.Step, printable(f.Found))
		if f.Do != "" {
			fmt.Fprintf(w, "%24s %s\n", "->", printable(f.Do))
		}
	}
}
