package bridge

import (
	"errors"
	"slices"

	"github.com/fallow-network/fallow/relay/control"
	"github.com/fallow-network/fallow/relay/rules"
)

// changeTries is how often a change is made anew because the settings were
// changed elsewhere meanwhile.
const changeTries = 5

// Rules are the user's rules and what they come to at the moment.
func (b *Bridge) Rules() (control.Rules, error) {
	ctx, cancel := b.context()
	defer cancel()
	return b.agent.Rules(ctx)
}

// SetRules replaces the settings that have the given revision; it fails if they
// were changed elsewhere since.
func (b *Bridge) SetRules(revision uint64, settings rules.Settings) (control.Rules, error) {
	ctx, cancel := b.context()
	defer cancel()
	return b.agent.SetRules(ctx, revision, settings)
}

// BlockSite puts a site on the deny list. Its open connections end within a
// second.
func (b *Bridge) BlockSite(site string) (control.Rules, error) {
	return b.change(func(s *rules.Settings) {
		s.Allow = without(s.Allow, site)
		if !slices.Contains(s.Deny, site) {
			s.Deny = append(s.Deny, site)
		}
	})
}

// UnblockSite takes a site off the deny list.
func (b *Bridge) UnblockSite(site string) (control.Rules, error) {
	return b.change(func(s *rules.Settings) { s.Deny = without(s.Deny, site) })
}

func (b *Bridge) change(how func(*rules.Settings)) (control.Rules, error) {
	ctx, cancel := b.context()
	defer cancel()
	for try := 1; ; try++ {
		current, err := b.agent.Rules(ctx)
		if err != nil {
			return current, err
		}
		how(&current.Settings)
		changed, err := b.agent.SetRules(ctx, current.Revision, current.Settings)
		if !errors.Is(err, rules.ErrRevision) || try == changeTries {
			return changed, err
		}
	}
}

func without(list []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == one })
}
