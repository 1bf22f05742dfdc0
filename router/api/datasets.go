package api

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/fallow-network/fallow/router/crawl/job"
)

// Datasets is what the API needs of the catalogue.
type Datasets interface {
	// List is the datasets in the order of their names, after p.After.
	List(ctx context.Context, p Page) ([]Dataset, error)
	// Versions are the published versions of a dataset, newest first; a key of
	// the list is a version's number in decimal. NotFound if there is no such
	// dataset.
	Versions(ctx context.Context, name string, p Page) ([]Version, error)
	// Folder is where a version lies; NotFound if there is none. The API opens
	// nothing outside of it.
	Folder(ctx context.Context, name string, version int) (dir string, err error)
	// Publish makes a version of what is gathered; Conflict if there is nothing.
	Publish(ctx context.Context, name string) (Version, error)
	// TakeDown stores an order durably and publishes the version without the
	// rows it covers.
	TakeDown(ctx context.Context, name string, t NewTakedown) (Takedown, error)
	// Notices are the orders carried out, oldest first; a key of the list is a
	// notice's number in decimal.
	Notices(ctx context.Context, name string, p Page) ([]Notice, error)
}

// Dataset is a named collection.
type Dataset struct {
	Name   string   `json:"name"`
	Latest *Version `json:"latest,omitempty" doc:"Left out before the first version"`
}

// Version is one immutable state of a dataset.
type Version struct {
	Dataset     string           `json:"dataset"`
	Version     int              `json:"version"`
	Created     time.Time        `json:"created"`
	Description string           `json:"description"`
	Purpose     string           `json:"purpose"`
	License     string           `json:"license"`
	Rows        int64            `json:"rows"`
	Bytes       int64            `json:"bytes" doc:"Of all shards"`
	Tokens      int64            `json:"tokens" doc:"Estimated"`
	Sites       int64            `json:"sites"`
	Duplicates  Duplicates       `json:"duplicates"`
	Languages   map[string]int64 `json:"languages" doc:"Rows by language and script"`
	Root        string           `json:"root" doc:"Merkle root over the shards, hex"`
	Router      string           `json:"router" doc:"Base58 of the key that signed the manifest"`
	Files       []File           `json:"files" nullable:"false" doc:"Without manifest.json, which names them all; served under /files/"`
}

// File is one file of a version.
type File struct {
	Path   string `json:"path" doc:"Relative to the version, with slashes"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// DatasetPage is a part of the list of datasets.
type DatasetPage struct {
	Datasets []Dataset `json:"datasets" nullable:"false"`
	Next     string    `json:"next,omitempty" doc:"Give this as after for the next part; left out at the end"`
}

// VersionPage is a part of the list of versions.
type VersionPage struct {
	Versions []Version `json:"versions" nullable:"false"`
	Next     string    `json:"next,omitempty" doc:"Give this as after for the next part; left out at the end"`
}

func (s *Server) addDatasets() {
	tags := []string{"datasets"}
	handle(s, huma.Operation{
		OperationID: "list-datasets", Method: http.MethodGet, Path: "/api/v1/datasets", Tags: tags, Summary: "Datasets by name",
	}, s.listDatasets)
	handle(s, huma.Operation{
		OperationID: "list-versions", Method: http.MethodGet, Path: "/api/v1/datasets/{name}/versions", Tags: tags,
		Summary: "Versions of a dataset, newest first", Errors: []int{http.StatusNotFound},
	}, s.listVersions)
	s.serve(huma.Operation{
		OperationID: "get-file", Path: "/api/v1/datasets/{name}/versions/{version}/files/{path}", Tags: tags,
		Summary:     "A file of a version, whole or in ranges",
		Description: "manifest.json, README.md, and what the version lists under files. A version never changes.",
	}, "/api/v1/datasets/{name}/versions/{version}/files/{path...}", s.openDatasetFile)
}

func (s *Server) listDatasets(ctx context.Context, in *ListQuery) (*answer[DatasetPage], error) {
	list, err := s.backend.Datasets.List(ctx, in.page())
	var p DatasetPage
	p.Datasets, p.Next = cut(list, in.Limit, func(d Dataset) string { return d.Name })
	return ok(p, err)
}

func (s *Server) listVersions(ctx context.Context, in *struct {
	Name string `path:"name" maxLength:"64"`
	ListQuery
},
) (*answer[VersionPage], error) {
	if err := job.ValidateDataset(in.Name, maxDatasetName); err != nil {
		return nil, NotFound("there is no dataset of that name")
	}
	list, err := s.backend.Datasets.Versions(ctx, in.Name, in.page())
	var p VersionPage
	p.Versions, p.Next = cut(list, in.Limit, func(v Version) string { return strconv.Itoa(v.Version) })
	return ok(p, err)
}

// openDatasetFile opens a file below the version's folder and nowhere else:
// os.Root follows no "..", absolute path or link that leads out of it.
func (s *Server) openDatasetFile(r *http.Request) (*os.File, error) {
	name, path := r.PathValue("name"), r.PathValue("path")
	version, err := strconv.Atoi(r.PathValue("version"))
	if err != nil || version < 1 || job.ValidateDataset(name, maxDatasetName) != nil || !fs.ValidPath(path) {
		return nil, errNoFile
	}
	dir, err := s.backend.Datasets.Folder(r.Context(), name, version)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open version %d of %s: %w", version, name, err)
	}
	defer root.Close()
	f, err := root.Open(filepath.FromSlash(path))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoFile, err)
	}
	return f, nil
}

// maxDatasetName is the longest name a dataset can have, in bytes.
const maxDatasetName = 63
