package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/fallow-network/fallow/relay/control"
	"github.com/fallow-network/fallow/relay/presence"
	"github.com/fallow-network/fallow/relay/rules"
)

// shownSites is how many sites of a list are printed; --json has them all.
const shownSites = 20

func printRules(w io.Writer, r control.Rules) error {
	s, c := r.Settings, r.Settings.Caps
	fmt.Fprintf(w, "%s\n\n", r.Sharing.Sentence)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	speed := "no cap"
	if c.MbitPerSecond > 0 {
		speed = fmt.Sprintf("%g Mbit/s in each direction", c.MbitPerSecond)
	}
	line("Speed", "%s", speed)
	line("Per day", "%s of %s carried", bytesText(r.Used.Day), capText(c.DailyBytes))
	line("Per month", "%s of %s carried since day %d", bytesText(r.Used.Month), capText(c.MonthlyBytes), c.ResetDay)
	line("Tunnels", "%d at once", c.MaxTunnels)
	line("Schedule", "%s", scheduleText(s.Schedule))
	profile := "all that is not denied"
	if s.Strict {
		profile = "only what is allowed (strict)"
	}
	line("Sites", "%s", profile)
	line("Denied", "%s", sitesText(s.Deny))
	line("Allowed", "%s", sitesText(s.Allow))
	for _, category := range r.Categories {
		line("Category", "%s: %s (%s, %d sites)", category.Name, map[bool]string{true: "allowed", false: "denied"}[category.Allowed], category.Title, len(category.Sites))
	}
	for _, n := range s.Networks {
		line("Network", "%s, since %s", printable(n.Name), n.Since.Local().Format(time.DateOnly))
	}
	printPauses(line, s.AutoPause, r.Seen)
	return t.Flush()
}

func printPauses(line func(name, format string, args ...any), a rules.AutoPause, seen presence.Snapshot) {
	network := presence.Finding{Answer: presence.Unknown, Why: seen.Network.Why}
	if seen.Network.ID != "" {
		network = presence.Finding{Answer: presence.Yes, Why: seen.Network.Name}
	}
	for _, p := range []struct {
		on      bool
		what    string
		finding presence.Finding
	}{
		{a.InUse, fmt.Sprintf("in use within %d min", a.IdleMinutes), seen.InUse.Finding},
		{a.Battery, "on battery", seen.Battery},
		{a.Metered, "metered", seen.Metered},
		{a.VPN, "through a VPN", seen.VPN},
		{a.Network, "on a new network", network},
		{a.Network, "an organisation's machine", seen.Managed},
	} {
		state := map[bool]string{true: "pauses", false: "shares"}[p.on]
		if seen.At.IsZero() {
			line("When", "%s: %s", p.what, state)
			continue
		}
		answer := map[presence.Answer]string{presence.Yes: "yes, ", presence.No: "no, "}[p.finding.Answer]
		if p.what == "on a new network" {
			answer = "" // whether it is new, the sentence says
		}
		line("When", "%s: %s (now: %s%s)", p.what, state, answer, printable(p.finding.Why))
	}
}

func capText(n uint64) string {
	if n == 0 {
		return "any amount"
	}
	return bytesText(n)
}

func scheduleText(s rules.Schedule) string {
	if len(s) == 0 {
		return "always"
	}
	var all []string
	for _, w := range s {
		all = append(all, w.String())
	}
	return strings.Join(all, "; ")
}

func sitesText(sites []string) string {
	switch {
	case len(sites) == 0:
		return "none listed"
	case len(sites) > shownSites:
		return fmt.Sprintf("%s and %d more", strings.Join(sites[:shownSites], ", "), len(sites)-shownSites)
	default:
		return strings.Join(sites, ", ")
	}
}
