package lab

import (
	"context"
	"errors"
	"fmt"
	"go/build"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// ErrNoGoroot says that there is no Go source tree to render. Its text tells a
// user what to do.
var ErrNoGoroot = errors.New("no Go source tree found: install Go (https://go.dev/dl), " +
	"or set FALLOW_GOROOT to the folder that holds src/fmt, or crawl another site")

// maxPackages bounds the tree that is listed; Go 1.26 has about 800.
const maxPackages = 5000

// FindGoroot finds a folder with Go's sources: FALLOW_GOROOT when set (and then
// nothing else), what `go env GOROOT` says, the toolchain this program was
// built with, then the usual places. The error wraps ErrNoGoroot.
func FindGoroot(ctx context.Context) (string, error) {
	if forced := os.Getenv("FALLOW_GOROOT"); forced != "" {
		if !isGoroot(forced) {
			return "", fmt.Errorf("FALLOW_GOROOT=%s has no src/fmt: %w", forced, ErrNoGoroot)
		}
		return forced, nil
	}
	candidates := []string{askGo(ctx), build.Default.GOROOT, "/usr/local/go", "/usr/lib/go", "/opt/homebrew/opt/go/libexec", `C:\Program Files\Go`}
	for _, dir := range candidates {
		if dir != "" && isGoroot(dir) {
			return dir, nil
		}
	}
	return "", ErrNoGoroot
}

// askGo is what the go command answers, or empty: having none is no error.
func askGo(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

func isGoroot(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, "src", "fmt"))
	return err == nil && info.IsDir()
}

// listPackages walks a src folder and returns the import path of each folder
// that holds Go files, mapped to that folder, reading names only. Vendored
// packages appear under their own import path.
func listPackages(src string) (map[string]string, error) {
	// Some distributions make src a link, which WalkDir would not enter.
	src, err := filepath.EvalSymlinks(src)
	if err != nil {
		return nil, fmt.Errorf("list go packages: %w", err)
	}
	packages := make(map[string]string)
	err = filepath.WalkDir(src, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() {
			if name != src && (base == "testdata" || strings.HasPrefix(base, "_") || strings.HasPrefix(base, ".")) {
				return filepath.SkipDir
			}
			return nil
		}
		dir := filepath.Dir(name)
		if dir == src || !strings.HasSuffix(base, ".go") || strings.HasSuffix(base, "_test.go") {
			return nil
		}
		relative, err := filepath.Rel(src, dir)
		if err != nil {
			return err
		}
		importPath := unvendored(filepath.ToSlash(relative))
		if _, seen := packages[importPath]; !seen && len(packages) < maxPackages {
			packages[importPath] = dir
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list go packages: %w", err)
	}
	return packages, nil
}

// unvendored drops everything up to the last vendor folder of a path.
func unvendored(importPath string) string {
	parts := strings.Split(importPath, "/")
	for i := len(parts) - 1; i >= 0; i-- {
		if parts[i] == "vendor" {
			return path.Join(parts[i+1:]...)
		}
	}
	return importPath
}

// isInternal reports whether an import path has an element "internal".
func isInternal(importPath string) bool {
	return slices.Contains(strings.Split(importPath, "/"), "internal")
}
