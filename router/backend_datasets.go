package router

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/crawl/job"
)

// backendDatasets fits the catalogue to the API.
type backendDatasets struct {
	catalogue *catalogue
	limits    job.Limits
}

var _ api.Datasets = backendDatasets{}

func (b backendDatasets) List(_ context.Context, p api.Page) ([]api.Dataset, error) {
	names, err := b.catalogue.Datasets()
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var views []api.Dataset
	for _, name := range names {
		if name <= p.After || job.ValidateDataset(name, b.limits.MaxDatasetName) != nil {
			continue
		}
		if len(views) == p.Limit {
			break
		}
		view := api.Dataset{Name: name}
		_, manifest, err := dataset.Latest(b.catalogue.folder(name))
		switch {
		case err == nil:
			latest := versionView(manifest)
			view.Latest = &latest
		case !errors.Is(err, dataset.ErrNoVersion):
			return nil, err
		}
		views = append(views, view)
	}
	return views, nil
}

func (b backendDatasets) Versions(_ context.Context, name string, p api.Page) ([]api.Version, error) {
	if err := b.known(name); err != nil {
		return nil, err
	}
	latest, _, err := dataset.Latest(b.catalogue.folder(name))
	if errors.Is(err, dataset.ErrNoVersion) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	from := latest
	if p.After != "" {
		after, err := strconv.Atoi(p.After)
		if err != nil {
			return nil, api.Invalid("after is %q, want the number of a version", p.After)
		}
		from = min(from, after-1)
	}
	var views []api.Version
	for number := from; number >= 1 && len(views) < p.Limit; number-- {
		v, err := dataset.OpenVersion(b.path(name, number))
		if err != nil {
			return nil, err
		}
		views = append(views, versionView(v.Manifest))
	}
	return views, nil
}

func (b backendDatasets) Folder(_ context.Context, name string, version int) (string, error) {
	if err := b.known(name); err != nil {
		return "", err
	}
	dir := b.path(name, version)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return "", api.NotFound("dataset %s has no version %d", name, version)
	}
	return dir, nil
}

func (b backendDatasets) path(name string, version int) string {
	return filepath.Join(b.catalogue.folder(name), "v"+strconv.Itoa(version))
}

// known refuses what is no dataset's name before it comes near a path.
func (b backendDatasets) known(name string) error {
	if job.ValidateDataset(name, b.limits.MaxDatasetName) == nil {
		if info, err := os.Stat(b.catalogue.folder(name)); err == nil && info.IsDir() {
			return nil
		}
	}
	return api.NotFound("there is no dataset %.64q", name)
}

func versionView(m *dataset.Manifest) api.Version {
	view := api.Version{
		Dataset: m.Dataset, Version: m.Version, Created: m.Created, Description: m.Description, Purpose: m.Purpose,
		License: m.License, Rows: m.Rows, Bytes: m.Bytes, Tokens: m.Tokens, Sites: m.Sites,
		Duplicates: api.Duplicates{Exact: m.Duplicates.Exact, Near: m.Duplicates.Near},
		Languages:  orEmpty(m.Languages), Root: m.Root.String(), Router: m.Router, Files: []api.File{},
	}
	for _, f := range m.Files {
		view.Files = append(view.Files, api.File{Path: f.Path, Bytes: f.Bytes, SHA256: f.SHA256})
	}
	return view
}
