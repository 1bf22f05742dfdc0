package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const precedence = `Flags win over variables (FALLOW_…), variables over the config file, the file over
the defaults. Lab mode has defaults of its own.`

func newConfig() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check or print the configuration",
		Long:  "Check or print the configuration that serve would run with.\n\n" + precedence,
		Example: `  fallow-router config print > router.toml
  fallow-router config check --config router.toml`,
	}
	cmd.AddCommand(newConfigCheck(), newConfigPrint())
	return cmd
}

func newConfigCheck() *cobra.Command {
	var from source
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Say whether serve would accept the configuration",
		Long:  "Say whether serve would accept the configuration; nothing is opened or changed.\n\n" + precedence,
		Example: `  fallow-router config check --config router.toml
  fallow-router config check --config router.toml --data /srv/fallow`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := from.load()
			if err != nil {
				return err
			}
			if err := c.settle(); err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), map[string]bool{"valid": true})
			}
			newScreen(cmd.OutOrStdout()).printf("the configuration is fine; start with: %s\n", from.again())
			return nil
		},
	}
	from.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "write one JSON object")
	return cmd
}

func newConfigPrint() *cobra.Command {
	var from source
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "print",
		Short: "Print the full effective configuration as a config file",
		Long:  "Print the full effective configuration, with a comment on every key; the output is a config file.\n\n" + precedence,
		Example: `  fallow-router config print > router.toml
  fallow-router config print --config router.toml --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := from.load()
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), c.values())
			}
			return c.print(cmd.OutOrStdout())
		},
	}
	from.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "write one JSON object with dotted names")
	return cmd
}

// print writes c as TOML: first what has no section, then the sections.
func (c *config) print(out io.Writer) error {
	fmt.Fprintln(out, "# Configuration of fallow-router, as it is in effect.")
	for line := range strings.SplitSeq(precedence, "\n") {
		fmt.Fprintln(out, "#", line)
	}
	initial := newConfigDefaults(c.Lab)
	initial.Lab = false // what it would be if nobody had said anything
	defaults := initial.settings()
	section := ""
	c.settings().VisitAll(func(s *pflag.Flag) {
		key := s.Name
		if name, rest, dotted := strings.Cut(s.Name, "."); dotted {
			if name != section {
				fmt.Fprintf(out, "\n[%s]\n", name)
				section = name
			}
			key = rest
		}
		fmt.Fprintf(out, "\n# %s\n# Default %s; variable %s\n%s = %s\n",
			s.Usage, literal(defaults.Lookup(s.Name).Value), variable(s.Name), key, literal(s.Value))
	})
	return nil
}

// values is c by dotted names.
func (c *config) values() map[string]any {
	values := make(map[string]any)
	c.settings().VisitAll(func(s *pflag.Flag) {
		switch v := s.Value.(type) {
		case pflag.SliceValue:
			values[s.Name] = v.GetSlice()
		default:
			var plain any = v.String()
			if bare(v) {
				plain = json.RawMessage(v.String())
			}
			values[s.Name] = plain
		}
	})
	return values
}

// bare says whether a value stands without quotes.
func bare(v pflag.Value) bool {
	switch v.Type() {
	case "int", "int64", "bool":
		return true
	}
	return false
}

// literal is a value as TOML writes it. Go's quoting of printable text is
// TOML's too.
func literal(v pflag.Value) string {
	if list, isList := v.(pflag.SliceValue); isList {
		quoted := make([]string, 0, len(list.GetSlice()))
		for _, one := range list.GetSlice() {
			quoted = append(quoted, quote(one))
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	if bare(v) {
		return v.String()
	}
	return quote(v.String())
}

// quote is strconv.Quote with the one escape that TOML has not.
func quote(text string) string {
	return strings.ReplaceAll(strconv.Quote(text), `\x`, `\u00`)
}
