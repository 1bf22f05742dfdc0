package rules

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
)

//go:embed categories.txt
var categoriesText string

// Category is a kind of site that is not visited unless the user allows it.
type Category struct {
	Name  string   `json:"name"`  // what the user writes
	Title string   `json:"title"` // what the user reads
	Sites []string `json:"sites"` // sorted; an entry covers every name under it
}

// Categories are all there are, in the order of categories.txt. The result is
// shared: do not change it.
func Categories() []Category { return categories() }

var categories = sync.OnceValue(func() []Category {
	all, err := ParseCategories(categoriesText)
	if err != nil {
		panic("rules: categories.txt: " + err.Error()) // it is part of the program
	}
	return all
})

// ParseCategories reads the format of categories.txt: "[name] Title" begins a
// category, other lines are sites of it, "#" begins a remark.
func ParseCategories(text string) ([]Category, error) {
	var all []Category
	number := 0
	for line := range strings.Lines(text) {
		number++
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		switch {
		case line == "":
		case line[0] == '[':
			name, title, ok := strings.Cut(line[1:], "]")
			if title = strings.TrimSpace(title); !ok || name == "" || title == "" {
				return nil, fmt.Errorf("line %d: %q is not like \"[name] Title\"", number, line)
			}
			if slices.ContainsFunc(all, func(c Category) bool { return c.Name == name }) {
				return nil, fmt.Errorf("line %d: a second %q", number, name)
			}
			all = append(all, Category{Name: name, Title: title})
		case len(all) == 0:
			return nil, fmt.Errorf("line %d: %q stands before the first category", number, line)
		default:
			site, err := NormalSite(line)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", number, err)
			}
			c := &all[len(all)-1]
			c.Sites = append(c.Sites, site)
		}
	}
	for i := range all {
		slices.Sort(all[i].Sites)
		all[i].Sites = slices.Compact(all[i].Sites)
	}
	return all, nil
}

// normalCategories refuses names that mean nothing: who misspells a category
// should hear of it. Doubles are dropped.
func normalCategories(names []string) ([]string, error) {
	var out []string
	for _, c := range Categories() {
		if slices.Contains(names, c.Name) {
			out = append(out, c.Name)
		}
	}
	for _, name := range names {
		if !slices.Contains(out, name) {
			return nil, fmt.Errorf("there is no category %.40q", name)
		}
	}
	return out, nil
}

// deniedCategory is the category that keeps host from being visited.
func (s Settings) deniedCategory(host string) (Category, bool) {
	for _, c := range Categories() {
		if _, ok := covers(c.Sites, host); ok && !slices.Contains(s.Categories, c.Name) {
			return c, true
		}
	}
	return Category{}, false
}
