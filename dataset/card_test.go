package dataset_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/fallow-network/fallow/dataset"
)

// cardHeader is what the Hugging Face hub and its datasets library look at.
type cardHeader struct {
	PrettyName string   `yaml:"pretty_name"`
	License    string   `yaml:"license"`
	Language   []string `yaml:"language"`
	Size       []string `yaml:"size_categories"`
	Configs    []struct {
		Name  string `yaml:"config_name"`
		Files []struct {
			Split string `yaml:"split"`
			Path  string `yaml:"path"`
		} `yaml:"data_files"`
	} `yaml:"configs"`
	Info struct {
		Features []struct {
			Name  string `yaml:"name"`
			Dtype string `yaml:"dtype"`
		} `yaml:"features"`
	} `yaml:"dataset_info"`
}

func TestCard(t *testing.T) {
	dir := publish(t, 60)
	raw, err := os.ReadFile(filepath.Join(dir, dataset.CardFile))
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.SplitN(string(raw), "---\n", 3)
	if len(parts) != 3 || parts[0] != "" {
		t.Fatalf("no header in\n%s", raw)
	}
	var h cardHeader
	if err := yaml.Unmarshal([]byte(parts[1]), &h); err != nil {
		t.Fatal(err)
	}
	if h.PrettyName != "demo" || h.License != "other" || strings.Join(h.Language, " ") != "deu eng" || len(h.Size) != 1 || h.Size[0] != "n<1K" {
		t.Errorf("header %+v", h)
	}
	if len(h.Info.Features) != len(dataset.Schema().Fields()) {
		t.Errorf("%d features", len(h.Info.Features))
	}
	want := map[string]string{"default": "data/**/*.parquet", "sample": "sample/*.parquet"}
	for _, c := range h.Configs {
		if len(c.Files) != 1 || c.Files[0].Path != want[c.Name] || c.Files[0].Split != "train" {
			t.Errorf("config %+v", c)
			continue
		}
		delete(want, c.Name)
		// filepath.Glob has no **; without folders below data it stands for nothing.
		files, err := filepath.Glob(filepath.Join(dir, strings.Replace(c.Files[0].Path, "**/", "", 1)))
		if count := map[string]int{"default": 2, "sample": 1}[c.Name]; err != nil || len(files) != count {
			t.Errorf("the pattern of %s finds %v, %v", c.Name, files, err)
		}
	}
	if len(want) > 0 {
		t.Errorf("missing configs %v", want)
	}
	for _, figure := range []string{"| records | 90 |", "1 exact, 1 near (1.09 % and 1.09 %", "| eng_Latn |", "testing: quotes"} {
		if !strings.Contains(parts[2], figure) {
			t.Errorf("the card lacks %q", figure)
		}
	}
}
