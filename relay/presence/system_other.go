//go:build !linux && !windows && !darwin

package presence

import "time"

type silent struct{}

func newSystem() system { return silent{} }

const noWay = "nothing is known of this system"

func (silent) input(time.Time) (time.Time, Finding) { return time.Time{}, cannot(noWay) }
func (silent) line(string) (uint64, bool)           { return 0, false }
func (silent) battery() Finding                     { return cannot(noWay) }
func (silent) metered([]way) Finding                { return cannot(noWay) }
func (silent) vpn([]way) Finding                    { return cannot(noWay) }
func (silent) managed() Finding                     { return cannot(noWay) }
func (silent) network() Network                     { return unidentified(noWay) }
