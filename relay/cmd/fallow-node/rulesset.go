package main

import (
	"errors"
	"fmt"
	"math"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/fallow-network/fallow/relay/control"
	"github.com/fallow-network/fallow/relay/rules"
)

// chosen are the values of the flags of rules set.
type chosen struct {
	rules.Settings
	dailyGB, monthlyGB float64
}

func newRulesSet(o *options) *cobra.Command {
	c := chosen{Settings: rules.DefaultSettings()}
	cmd := &cobra.Command{
		Use:   "set",
		Short: "Set caps, strict mode and what pauses by itself",
		Long: `Set caps, strict mode and what pauses by itself. What is not named stays as it
is. A cap of 0 is none. Bytes count once, although your line sees each of them
come and go; a cap on speed is for each direction on its own.`,
		Example: `  fallow-node rules set --mbit 20 --daily-gb 5
  fallow-node rules set --monthly-gb 100 --reset-day 15
  fallow-node rules set --pause-in-use=false   # share while the machine is used, too
  fallow-node rules set --strict               # visit only sites of rules allow`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var names []string
			cmd.Flags().Visit(func(f *pflag.Flag) {
				if cmd.InheritedFlags().Lookup(f.Name) == nil {
					names = append(names, f.Name)
				}
			})
			if len(names) == 0 {
				return usageError{errors.New("nothing to set; see " + cmd.CommandPath() + " --help")}
			}
			if err := c.convert(); err != nil {
				return usageError{err}
			}
			return changeRules(cmd, o, func(_ control.Rules, s *rules.Settings) error {
				for _, name := range names {
					c.put(name, s)
				}
				return nil
			})
		},
	}
	c.flags(cmd.Flags())
	return cmd
}

func (c *chosen) flags(f *pflag.FlagSet) {
	f.Float64Var(&c.Caps.MbitPerSecond, "mbit", 0, "Mbit/s over all tunnels, each direction, 1 to 100000")
	f.Float64Var(&c.dailyGB, "daily-gb", 0, "GB a day, then stop until midnight")
	f.Float64Var(&c.monthlyGB, "monthly-gb", 0, "GB a month, then stop until the reset day")
	f.IntVar(&c.Caps.ResetDay, "reset-day", c.Caps.ResetDay, "day on which the month begins, 1 to 28")
	f.IntVar(&c.Caps.MaxTunnels, "max-tunnels", c.Caps.MaxTunnels, "tunnels at once, 1 to 1024")
	f.BoolVar(&c.Strict, "strict", false, "visit only sites on the allow list")
	f.BoolVar(&c.AutoPause.InUse, "pause-in-use", true, "pause while this machine is in use")
	f.BoolVar(&c.AutoPause.Battery, "pause-battery", true, "pause on battery")
	f.BoolVar(&c.AutoPause.Metered, "pause-metered", true, "pause on a metered connection")
	f.BoolVar(&c.AutoPause.VPN, "pause-vpn", true, "pause while traffic leaves through a VPN")
	f.BoolVar(&c.AutoPause.Network, "pause-network", true, "pause on networks and on an organisation's machine until you allow it")
	f.IntVar(&c.AutoPause.IdleMinutes, "idle-minutes", c.AutoPause.IdleMinutes, "minutes without use before sharing again, 1 to 1440")
}

// convert reads the caps on quantity, which people give in GB.
func (c *chosen) convert() error {
	for _, f := range []struct {
		flag string
		gb   float64
		to   *uint64
	}{{"--daily-gb", c.dailyGB, &c.Caps.DailyBytes}, {"--monthly-gb", c.monthlyGB, &c.Caps.MonthlyBytes}} {
		if !(f.gb >= 0 && f.gb <= 1e9) || f.gb > 0 && f.gb < 0.001 { // also not a number
			return fmt.Errorf("%s is %g, want 0.001 to 1000000000, or 0 for no cap", f.flag, f.gb)
		}
		*f.to = uint64(math.Round(f.gb * 1e9))
	}
	return nil
}

// put copies what the flag of the given name set.
func (c *chosen) put(name string, s *rules.Settings) {
	switch name {
	case "mbit":
		s.Caps.MbitPerSecond = c.Caps.MbitPerSecond
	case "daily-gb":
		s.Caps.DailyBytes = c.Caps.DailyBytes
	case "monthly-gb":
		s.Caps.MonthlyBytes = c.Caps.MonthlyBytes
	case "reset-day":
		s.Caps.ResetDay = c.Caps.ResetDay
	case "max-tunnels":
		s.Caps.MaxTunnels = c.Caps.MaxTunnels
	case "strict":
		s.Strict = c.Strict
	case "pause-in-use":
		s.AutoPause.InUse = c.AutoPause.InUse
	case "pause-battery":
		s.AutoPause.Battery = c.AutoPause.Battery
	case "pause-metered":
		s.AutoPause.Metered = c.AutoPause.Metered
	case "pause-vpn":
		s.AutoPause.VPN = c.AutoPause.VPN
	case "pause-network":
		s.AutoPause.Network = c.AutoPause.Network
	case "idle-minutes":
		s.AutoPause.IdleMinutes = c.AutoPause.IdleMinutes
	}
}
