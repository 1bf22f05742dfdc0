package router

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/crawl"
	"github.com/fallow-network/fallow/router/crawl/job"
	"github.com/fallow-network/fallow/router/dedupe"
	"github.com/fallow-network/fallow/router/store"
)

// backendDatasets fits the catalogue to the API.
type backendDatasets struct {
	catalogue *catalogue
	crawler   *crawl.Crawler
	now       func() time.Time
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

func (b backendDatasets) Publish(ctx context.Context, name string) (api.Version, error) {
	if err := b.known(name); err != nil {
		return api.Version{}, err
	}
	// Whoever asked may leave; a version half made would only be made again.
	published, err := b.crawler.Publish(context.WithoutCancel(ctx), name)
	if errors.Is(err, crawl.ErrNothing) {
		return api.Version{}, api.Conflict("dataset %s has no record to publish yet", name)
	}
	if err != nil {
		return api.Version{}, err
	}
	v, err := dataset.OpenVersion(published.Dir)
	if err != nil {
		return api.Version{}, err
	}
	return versionView(v.Manifest), nil
}

func (b backendDatasets) TakeDown(ctx context.Context, name string, t api.NewTakedown) (api.Takedown, error) {
	if err := b.known(name); err != nil {
		return api.Takedown{}, err
	}
	order := dataset.Takedown{Scope: dataset.Scope(t.Scope), Target: t.Target, Reason: t.Reason, At: b.now().UTC().Truncate(time.Second)}
	canonicalTarget(&order)
	number, fresh, err := b.catalogue.orders.order(ctx, name, order)
	if errors.Is(err, dataset.ErrTakedown) || errors.Is(err, store.ErrInvalid) {
		return api.Takedown{}, api.Invalid("%s", err)
	}
	if err != nil {
		return api.Takedown{}, err
	}
	done := api.Takedown{Number: number, Known: !fresh}
	if _, err := b.Publish(ctx, name); err != nil {
		var refused *api.Error
		if errors.As(err, &refused) && refused.Code == api.CodeConflict {
			return done, nil // nothing to take it from yet
		}
		return api.Takedown{}, fmt.Errorf("order %d is stored and holds for what comes, but the version without the rows is not out yet; it comes with the next one: %w", number, err)
	}
	notices, m, err := b.notices(name)
	if err == nil && number <= len(notices) {
		done.Version, done.Rows = notices[number-1].Version, notices[number-1].Rows
		done.Root = m.Root.String()
	}
	return done, err
}

// canonicalTarget spells a target as records spell it. One that cannot be read
// stays for its check to refuse.
func canonicalTarget(t *dataset.Takedown) {
	switch t.Scope {
	case dataset.ScopeURL:
		if a, err := dedupe.Canonical(t.Target); err == nil {
			t.Target = a.URL
		}
	case dataset.ScopeSite:
		if a, err := dedupe.Canonical("https://" + strings.TrimSuffix(t.Target, ".") + "/"); err == nil && !strings.ContainsAny(t.Target, "/:@?#") {
			t.Target = a.Host
		}
	case dataset.ScopePattern:
	}
}

func (b backendDatasets) Notices(_ context.Context, name string, p api.Page) ([]api.Notice, error) {
	if err := b.known(name); err != nil {
		return nil, err
	}
	list, _, err := b.notices(name)
	if err != nil {
		return nil, err
	}
	after := 0
	if p.After != "" {
		if after, err = strconv.Atoi(p.After); err != nil || after < 0 {
			return nil, api.Invalid("after is %q, want the number of a notice", p.After)
		}
	}
	list = list[min(after, len(list)):]
	var views []api.Notice
	for _, n := range list[:min(p.Limit, len(list))] {
		views = append(views, api.Notice{Number: n.Number, Version: n.Version, Scope: string(n.Scope), Reason: n.Reason, At: n.At, Rows: n.Rows})
	}
	return views, nil
}

// notices are those of the latest version; none without one.
func (b backendDatasets) notices(name string) ([]dataset.Notice, *dataset.Manifest, error) {
	latest, m, err := dataset.Latest(b.catalogue.folder(name))
	if errors.Is(err, dataset.ErrNoVersion) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	v := dataset.Version{Dir: b.path(name, latest), Manifest: m}
	list, err := v.Notices()
	return list, m, err
}

func (b backendDatasets) path(name string, version int) string {
	return versionDir(b.catalogue.folder(name), version)
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
