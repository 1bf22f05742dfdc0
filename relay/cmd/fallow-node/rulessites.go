package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/relay/control"
	"github.com/fallow-network/fallow/relay/rules"
)

// siteList is one of the two lists of sites and how it is spoken of.
type siteList struct {
	verb, short, long string
	of                func(*rules.Settings) *[]string
}

var (
	denyList = siteList{
		"deny", "Never visit a site, nor any name under it", "Tunnels to it that are open are cut at once. Deny wins over everything else.",
		func(s *rules.Settings) *[]string { return &s.Deny },
	}
	allowList = siteList{
		"allow", "Visit a site although its category is not allowed", "In strict mode, these are the only sites visited.",
		func(s *rules.Settings) *[]string { return &s.Allow },
	}
)

func newRulesSites(o *options, list siteList) *cobra.Command {
	var remove bool
	cmd := &cobra.Command{
		Use:   list.verb + " SITE...",
		Short: list.short,
		Long:  list.short + ". " + list.long,
		Example: fmt.Sprintf(`  fallow-node rules %[1]s example.org example.net
  fallow-node rules %[1]s --remove example.org`, list.verb),
		Args: atLeastOne("a site such as example.org"),
		RunE: func(cmd *cobra.Command, args []string) error {
			sites := make([]string, 0, len(args))
			for _, arg := range args {
				site, err := rules.NormalSite(arg)
				if err != nil {
					return usageError{err}
				}
				sites = append(sites, site)
			}
			return changeRules(cmd, o, func(_ control.Rules, s *rules.Settings) error {
				to := list.of(s)
				if !remove {
					*to = append(*to, sites...)
					return nil
				}
				for _, site := range sites {
					if !slices.Contains(*to, site) {
						return usageError{fmt.Errorf("%s is not on the %s list", site, list.verb)}
					}
				}
				*to = slices.DeleteFunc(*to, func(site string) bool { return slices.Contains(sites, site) })
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&remove, "remove", false, "take it off the list again")
	return cmd
}

func newRulesCategory(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "category",
		Short: "Allow or deny kinds of sites; all are denied at first",
		Example: `  fallow-node rules category show ads
  fallow-node rules category allow ads social
  fallow-node rules category deny ads`,
		RunE: func(cmd *cobra.Command, _ []string) error { return sayWhat(cmd) },
	}
	show := &cobra.Command{
		Use:     "show NAME...",
		Short:   "List the sites of a category",
		Example: "  fallow-node rules category show banking",
		Args:    atLeastOne("the name of a category; see rules show"),
		RunE: func(cmd *cobra.Command, args []string) error {
			chosen := slices.DeleteFunc(slices.Clone(rules.Categories()), func(c rules.Category) bool { return !slices.Contains(args, c.Name) })
			if o.json {
				return printJSON(cmd.OutOrStdout(), chosen)
			}
			for _, c := range chosen {
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", c.Name, c.Title)
				for _, site := range c.Sites {
					fmt.Fprintln(cmd.OutOrStdout(), "  "+site)
				}
			}
			return nil
		},
	}
	cmd.AddCommand(show, newCategoryChange(o, "allow", true), newCategoryChange(o, "deny", false))
	return cmd
}

func newCategoryChange(o *options, verb string, allow bool) *cobra.Command {
	return &cobra.Command{
		Use:     verb + " NAME...",
		Short:   map[bool]string{true: "Visit sites of a category", false: "Do not visit sites of a category"}[allow],
		Example: "  fallow-node rules category " + verb + " ads",
		Args:    atLeastOne("the name of a category; see rules show"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return changeRules(cmd, o, func(shown control.Rules, s *rules.Settings) error {
				for _, name := range args {
					if !slices.ContainsFunc(shown.Categories, func(c control.Category) bool { return c.Name == name }) {
						return usageError{fmt.Errorf("there is no category %q; see fallow-node rules show", name)}
					}
				}
				s.Categories = slices.DeleteFunc(s.Categories, func(name string) bool { return slices.Contains(args, name) })
				if allow {
					s.Categories = append(s.Categories, args...)
				}
				return nil
			})
		},
	}
}
