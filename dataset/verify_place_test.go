package dataset_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/fallow-network/fallow/dataset"
)

// Loaders read data/**/*.parquet with hidden files and folders included, so a
// file slipped in there would be part of the dataset without being signed.
func TestHiddenFilesAreFound(t *testing.T) {
	for _, name := range []string{"data/.evil.parquet", "data/.d/x.parquet", ".hidden", "data/x.parquet", "data/.git/x.parquet"} {
		t.Run(name, func(t *testing.T) {
			dir := publish(t, 10)
			path := filepath.Join(dir, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte("PAR1"), 0o644); err != nil {
				t.Fatal(err)
			}
			report, err := dataset.Verify(dir, dataset.VerifyOptions{})
			if err != nil || report.Valid || report.Problems[0].File != name {
				t.Errorf("%+v, %v", report, err)
			}
		})
	}
}

func TestWhatHubsAddIsTolerated(t *testing.T) {
	dir := publish(t, 10)
	for _, name := range []string{".gitattributes", ".git/HEAD", ".cache/huggingface/x", "data/.DS_Store"} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if report, err := dataset.Verify(dir, dataset.VerifyOptions{}); err != nil || !report.Valid {
		t.Errorf("%+v, %v", report, err)
	}
}

// An old version shown as a new one would bring back what was taken down.
func TestVersionUnderAnotherName(t *testing.T) {
	dir := publish(t, 10)
	renamed := filepath.Join(filepath.Dir(dir), "v7")
	if err := os.Rename(dir, renamed); err != nil {
		t.Fatal(err)
	}
	report, err := dataset.Verify(renamed, dataset.VerifyOptions{})
	if err != nil || report.Valid || report.Problems[0].Field != "version" {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestOmittedProblemsCount(t *testing.T) {
	dir := publish(t, 10)
	if err := os.WriteFile(filepath.Join(dir, "more"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	limits := dataset.DefaultLimits()
	limits.Problems = 0
	if report, _ := dataset.Verify(dir, dataset.VerifyOptions{Limits: limits}); report.Valid {
		t.Errorf("valid with %d problems omitted", report.Omitted)
	}
}
