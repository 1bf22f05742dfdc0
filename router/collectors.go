package router

import (
	"errors"
	"fmt"
	"strings"

	"github.com/fallow-network/fallow/router/collect"
	"github.com/fallow-network/fallow/router/crawl"
)

// crawlCollector fits a collector to the crawl.
type crawlCollector struct{ *collect.Collector }

var _ crawl.Collector = crawlCollector{}

func (c crawlCollector) Collect(url, body string) (fields, text string, links []string) {
	if !c.Matches(url) {
		return "", "", nil
	}
	rows, links, err := c.Read(url, []byte(body))
	if err != nil { // a page of another kind
		return "", "", nil
	}
	return collect.Fields(rows), collect.Text(rows), links
}

// openCollectors makes the built-in collectors and those of a folder, which come
// before built-in ones of the same name, known to the crawl. One that is broken or
// fails its own test keeps the router from starting: its rows would be wrong.
func openCollectors(dir string) (func(name string) crawl.Collector, error) {
	list, err := collect.Builtin()
	if err != nil {
		return nil, err
	}
	if dir != "" {
		own, err := collect.Load(dir)
		var failed []error
		for _, c := range own {
			if err := c.Check(); err != nil {
				failed = append(failed, fmt.Errorf("%s: %w", c.Name, err))
			}
		}
		if err := errors.Join(append(failed, err)...); err != nil {
			return nil, fmt.Errorf("collectors in %s: %w\ntry them with: fallow-router collector test FILE", dir, err)
		}
		list = append(list, own...)
	}
	byName := make(map[string]crawlCollector, len(list))
	for _, c := range list {
		byName[strings.Clone(c.Name)] = crawlCollector{c}
	}
	return func(name string) crawl.Collector {
		if c, ok := byName[name]; ok {
			return c
		}
		return nil
	}, nil
}
