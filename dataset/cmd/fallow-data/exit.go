package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/dataset/pull"
)

// Exit codes. Scripts rely on them.
const (
	exitInvalid    = 1 // checked, and not as it was signed
	exitCannotTell = 2 // nothing to judge: no such path, no permission, wrong use
)

// errReported ends a command whose finding stands on standard output already.
var errReported = errors.New("not valid")

func exitCode(err error) int {
	var damage *dataset.Damage
	var wrong invalid
	switch {
	case errors.Is(err, errReported), errors.As(err, &wrong), errors.As(err, &damage), errors.Is(err, dataset.ErrFormat),
		errors.Is(err, dataset.ErrManifest), errors.Is(err, dataset.ErrSignature),
		errors.Is(err, pull.ErrDigest), errors.Is(err, pull.ErrKey):
		return exitInvalid
	default:
		return exitCannotTell
	}
}

// explain adds what to do next to errors of the file system.
func explain(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w\ncheck the path; versions lie at DIR/datasets/NAME/vN", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w\nrun as a user who may read it", err)
	default:
		return err
	}
}
