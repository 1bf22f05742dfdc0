package main

import (
	"context"
	"errors"
	"time"

	"github.com/fallow-network/fallow/relay/control"
	"github.com/fallow-network/fallow/relay/datadir"
	"github.com/fallow-network/fallow/relay/rules"
)

// agent is what the commands that change rules need: the running agent, or the
// files of one that is stopped.
type agent interface {
	Consent(context.Context) (control.Consent, error)
	Accept(ctx context.Context, version string) (control.Consent, error)
	Withdraw(context.Context) (control.Consent, error)
	Rules(context.Context) (control.Rules, error)
	SetRules(ctx context.Context, revision uint64, s rules.Settings) (control.Rules, error)
}

// withAgent calls do with the running agent of dir, or, if none runs, with its
// files, held for as long as do takes.
func withAgent(ctx context.Context, dir string, do func(agent) error) error {
	err := do(control.NewClient(dir))
	if !errors.Is(err, control.ErrNotRunning) || ctx.Err() != nil {
		return err
	}
	return withRules(dir, func(r *rules.Rules) error { return do(stopped{r}) })
}

// withRules opens the rules of an agent that is stopped.
func withRules(dir string, do func(*rules.Rules) error) (err error) {
	hold, err := datadir.Take(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, hold.Release()) }()
	r, err := rules.Open(dir, time.Now)
	if err != nil {
		return err
	}
	return errors.Join(do(r), r.Close())
}

// stopped is a stopped agent's files.
type stopped struct{ rules *rules.Rules }

func (s stopped) Consent(context.Context) (control.Consent, error) {
	return control.ConsentOf(s.rules), nil
}

func (s stopped) Accept(_ context.Context, version string) (control.Consent, error) {
	err := s.rules.Accept(version)
	return control.ConsentOf(s.rules), err
}

func (s stopped) Withdraw(context.Context) (control.Consent, error) {
	err := s.rules.Withdraw()
	return control.ConsentOf(s.rules), err
}

func (s stopped) Rules(context.Context) (control.Rules, error) {
	return control.RulesOf(s.rules, time.Now()), nil
}

func (s stopped) SetRules(_ context.Context, revision uint64, settings rules.Settings) (control.Rules, error) {
	err := s.rules.Replace(revision, settings)
	return control.RulesOf(s.rules, time.Now()), err
}
