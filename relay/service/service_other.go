//go:build !linux && !darwin && !windows

package service

import (
	"context"
	"errors"
	"runtime"
)

var errSystem = errors.New("on " + runtime.GOOS + " this program does not know how to start at log-in; have your system run: fallow-node run")

func install(context.Context, Spec) (State, error) { return State{}, errSystem }

func uninstall(context.Context) ([]State, error) { return nil, nil }

func look(context.Context) ([]State, error) { return nil, nil }
