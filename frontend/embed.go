// Package frontend holds the built user interface, so that programs carry it in
// themselves. It knows none of them. The pages are made by `npm run build` in
// this folder; without them the programs still compile and say what is missing.
package frontend

import (
	"embed"
	"errors"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// ErrNotBuilt says that the program was compiled before the pages were.
var ErrNotBuilt = errors.New("the pages are not built into this program: run make desktop")

// Desktop is the window's page and all it loads, index.html at its root. The
// error is ErrNotBuilt if there is none.
func Desktop() (fs.FS, error) {
	pages, err := fs.Sub(dist, "dist/desktop")
	if err != nil {
		return nil, err
	}
	if _, err := fs.Stat(pages, "index.html"); err != nil {
		return nil, ErrNotBuilt
	}
	return pages, nil
}
