package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/fallow-network/fallow/relay/control"
)

func newConsent(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "consent",
		Short: "Read, give or take back your consent to sharing",
		Long: `Nothing is shared without your recorded consent to the current text. If the text
changes you are asked again. Works whether the agent runs or not.`,
		Example: `  fallow-node consent show
  fallow-node consent accept
  fallow-node consent withdraw`,
	}
	cmd.AddCommand(newConsentShow(o), newConsentAccept(o), newConsentWithdraw(o))
	return cmd
}

func newConsentShow(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "show",
		Short:   "Show the text and whether you have agreed",
		Example: "  fallow-node consent show",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := consentIn(cmd.Context(), o.dir)
			if err != nil {
				return err
			}
			if o.json {
				return printJSON(cmd.OutOrStdout(), c)
			}
			fmt.Fprintln(cmd.OutOrStdout(), c.Text)
			return printConsent(cmd.OutOrStdout(), c)
		},
	}
}

func newConsentAccept(o *options) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "accept",
		Short: "Agree to the text; sharing starts at once if the agent runs",
		Example: `  fallow-node consent accept
  fallow-node consent accept --yes   # for scripts: whoever runs it has read the text`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := consentIn(cmd.Context(), o.dir)
			if err != nil {
				return err
			}
			if !c.Given && !yes {
				if err := ask(cmd.InOrStdin(), cmd.OutOrStdout(), c); err != nil {
					return err
				}
			}
			return change(cmd, o, func(a agent) (control.Consent, error) { return a.Accept(cmd.Context(), c.Version) })
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func newConsentWithdraw(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "withdraw",
		Short:   "Take your consent back; all traffic ends at once",
		Example: "  fallow-node consent withdraw",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return change(cmd, o, func(a agent) (control.Consent, error) { return a.Withdraw(cmd.Context()) })
		},
	}
}

func change(cmd *cobra.Command, o *options, do func(agent) (control.Consent, error)) error {
	var c control.Consent
	err := withAgent(cmd.Context(), o.dir, func(a agent) (err error) {
		c, err = do(a)
		return err
	})
	if err != nil {
		return err
	}
	if o.json {
		return printJSON(cmd.OutOrStdout(), c)
	}
	return printConsent(cmd.OutOrStdout(), c)
}

func consentIn(ctx context.Context, dir string) (c control.Consent, err error) {
	err = withAgent(ctx, dir, func(a agent) (err error) {
		c, err = a.Consent(ctx)
		return err
	})
	return c, err
}

func ask(in io.Reader, out io.Writer, c control.Consent) error {
	if file, ok := in.(*os.File); !ok || !term.IsTerminal(int(file.Fd())) {
		return usageError{errors.New("there is nobody to ask here; read the text with consent show, then use --yes")}
	}
	fmt.Fprintf(out, "%s\nDo you agree? Type yes: ", c.Text)
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read answer: %w", err)
	}
	if !strings.EqualFold(strings.TrimSpace(line), "yes") {
		return errors.New("not agreed; nothing is shared")
	}
	return nil
}

func printConsent(w io.Writer, c control.Consent) error {
	text := "You do not agree at present. Nothing is shared. To agree: fallow-node consent accept, with the same --data"
	switch {
	case c.Given:
		text = fmt.Sprintf("You agreed to this text (version %s) at %s.", c.Version, c.Record.AcceptedAt.Local().Format(time.DateTime))
	case c.Record.Version != "":
		text = "You agreed to an earlier text; it has changed since. Nothing is shared. To agree: fallow-node consent accept"
	}
	_, err := fmt.Fprintln(w, text)
	return err
}
