package gate

import (
	"iter"
	"strings"
)

// directive is what one word of X-Robots-Tag or meta robots asks for.
type directive struct {
	noIndex  bool
	noFollow bool
	training Training
}

// pageDirectives are the words we act on or keep as evidence.
var pageDirectives = map[string]directive{
	"noindex":            {noIndex: true},
	"nofollow":           {noFollow: true},
	"none":               {noIndex: true, noFollow: true},
	"noai":               {training: TrainingRefused},
	"noml":               {training: TrainingRefused},
	"disallowaitraining": {training: TrainingRefused},
	"allowaitraining":    {training: TrainingAllowed},
	"noimageai":          {}, // about images, which no record holds: evidence only
}

// valuedDirectives carry a value after a colon and so look like an agent's name.
var valuedDirectives = map[string]bool{
	"unavailable_after": true, "max-snippet": true, "max-image-preview": true, "max-video-preview": true,
}

// directives yields (agent, word) for each directive of an X-Robots-Tag or meta
// robots value, both in lower case. agent is "" for all robots; "name:" before
// a directive addresses it and those after it to one robot.
func directives(agent, value string) iter.Seq2[string, string] {
	return func(yield func(agent, word string) bool) {
		for part := range strings.SplitSeq(strings.ToLower(value), ",") {
			name, rest, scoped := strings.Cut(part, ":")
			if name = strings.TrimSpace(name); scoped {
				if valuedDirectives[name] || strings.ContainsAny(name, " \t") {
					continue // its value, or the rest of a date
				}
				agent, part = name, rest
				if agent == "*" || agent == "robots" {
					agent = ""
				}
			}
			for word := range strings.FieldsSeq(part) {
				if !yield(agent, word) {
					return
				}
			}
		}
	}
}
