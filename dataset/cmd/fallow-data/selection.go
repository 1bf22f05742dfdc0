package main

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/fallow-network/fallow/dataset"
)

// selectionFlags are the flags that say which rows and columns.
type selectionFlags struct {
	s        dataset.Selection
	from, to string
}

func (f *selectionFlags) add(flags *pflag.FlagSet, columns bool) {
	if columns {
		flags.StringSliceVar(&f.s.Columns, "columns", nil, "columns, with commas between; all unless given")
	}
	flags.StringSliceVar(&f.s.Languages, "language", nil, "languages, such as eng or eng_Latn")
	flags.StringSliceVar(&f.s.Sites, "site", nil, "sites: registrable domains")
	flags.StringVar(&f.from, "from", "", "fetched on this day or later, 2026-11-01 or 2026-11-01T12:00:00Z")
	flags.StringVar(&f.to, "to", "", "fetched before this day")
	flags.StringSliceVar(&f.s.AITrain, "ai-train", nil, "what sites say about training AI: y, n, unstated")
	flags.StringSliceVar(&f.s.Licenses, "license", nil, "licences as pages name them, or unstated")
}

func (f *selectionFlags) selection() (s dataset.Selection, err error) {
	s = f.s
	if s.From, err = parseDay("--from", f.from); err != nil {
		return s, err
	}
	if s.To, err = parseDay("--to", f.to); err != nil {
		return s, err
	}
	return s, s.Check()
}

func parseDay(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%s %q: give a day such as 2026-11-01 or a time such as 2026-11-01T12:00:00Z", flag, text)
}
