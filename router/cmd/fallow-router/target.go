package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/router"
	"github.com/fallow-network/fallow/router/api"
)

// target says which running router a command speaks to, and how it answers.
type target struct {
	api  string
	data string
	json bool
}

func (t *target) flags(cmd *cobra.Command) {
	set := cmd.PersistentFlags()
	set.StringVar(&t.api, "api", "", "address of the router's API, `URL` or HOST:PORT (or FALLOW_API)")
	set.StringVar(&t.data, "data", "", "the `DIR` a router serves from, to find it by (or FALLOW_DATA)")
	set.BoolVar(&t.json, "json", false, "write JSON, for machines")
}

// addressesFile is where a router that serves from a directory says how it is
// reached.
const addressesFile = "addresses.json"

// client finds the router. Flags come before variables.
func (t *target) client() (*api.Client, error) {
	address, data := t.api, t.data
	if address == "" && data == "" {
		address, data = os.Getenv("FALLOW_API"), os.Getenv("FALLOW_DATA")
	}
	if address == "" && data != "" {
		var err error
		if address, err = addressIn(data); err != nil {
			return nil, err
		}
	}
	if address == "" {
		address = defaultAPI
	}
	client, err := api.NewClient(address)
	if err != nil {
		return nil, usageError{err}
	}
	return client, nil
}

// addressIn reads what a router that serves from dir has written there.
func addressIn(dir string) (string, error) {
	raw, err := os.ReadFile(filepath.Join(dir, addressesFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%w: none serves from %s now\nstart it with: fallow-router serve --data %s", api.ErrUnreachable, dir, dir)
	}
	if err != nil {
		return "", fmt.Errorf("find the router: %w", err)
	}
	var addresses router.Addresses
	if err := json.Unmarshal(raw, &addresses); err != nil || addresses.API == "" {
		return "", fmt.Errorf("find the router: %s names no API address: name it with --api", filepath.Join(dir, addressesFile))
	}
	return addresses.API, nil
}

// withHint adds how to start a router to the news that none answers.
func (t *target) withHint(err error) error {
	if !errors.Is(err, api.ErrUnreachable) {
		return err
	}
	dir := t.data
	if dir == "" {
		dir = os.Getenv("FALLOW_DATA")
	}
	if dir == "" || t.api != "" {
		return fmt.Errorf("%w\nstart one with: fallow-router serve --data DIR; or name the running one with --api URL or --data DIR", err)
	}
	return fmt.Errorf("%w\nit seems to have ended without notice; start it again with: fallow-router serve --data %s", err, dir)
}

// speak runs a command against the router.
func (t *target) speak(cmd *cobra.Command, f func(ctx context.Context, c *api.Client, s screen) error) error {
	client, err := t.client()
	if err != nil {
		return err
	}
	return t.withHint(f(cmd.Context(), client, newScreen(cmd.OutOrStdout())))
}

// readAll reads a list part by part until limit entries are there.
func readAll[T any](limit int, part func(p api.Page) (list []T, next string, err error)) ([]T, error) {
	all := []T{}
	after := ""
	for len(all) < limit {
		list, next, err := part(api.Page{After: after, Limit: min(limit-len(all), api.MaxPage)})
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
		if next == "" {
			break
		}
		after = next
	}
	return all, nil
}

// limitFlag adds --limit, which bounds what a list prints.
func limitFlag(cmd *cobra.Command, limit *int, initial int) {
	cmd.Flags().IntVar(limit, "limit", initial, "entries at most")
}
