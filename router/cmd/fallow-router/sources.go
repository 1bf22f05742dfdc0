package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/spf13/pflag"
)

// given is what one source says about a setting.
type given struct {
	values []string
	where  string // for messages: "--listen", "FALLOW_LISTEN", "router.toml: listen"
}

// load builds the configuration: defaults, over them the file, over it
// variables, over them flags. flags maps names of settings to flags of a
// command; file may be "".
func load(file string, flags map[string]*pflag.Flag) (*config, error) {
	initial := newConfigDefaults(false)
	known := initial.settings()
	merged, err := readFile(file, known)
	if err != nil {
		return nil, usageError{err}
	}
	known.VisitAll(func(s *pflag.Flag) {
		if value, ok := os.LookupEnv(variable(s.Name)); ok {
			merged[s.Name] = given{splitList(s, value), variable(s.Name)}
		}
		if f := flags[s.Name]; f != nil && f.Changed {
			merged[s.Name] = given{flagValues(f), "--" + f.Name}
		}
	})
	// Lab mode has defaults of its own, so it is settled first.
	if g, ok := merged["lab"]; ok {
		if err := assign(known.Lookup("lab").Value, g.values); err != nil {
			return nil, usageError{fmt.Errorf("%s: %w", g.where, err)}
		}
	}
	c := newConfigDefaults(initial.Lab)
	set := c.settings()
	for name, g := range merged {
		if err := assign(set.Lookup(name).Value, g.values); err != nil {
			return nil, usageError{fmt.Errorf("%s: %w", g.where, err)}
		}
	}
	return c, nil
}

// variable is the environment's name of a setting.
func variable(name string) string {
	return "FALLOW_" + strings.ToUpper(strings.ReplaceAll(name, ".", "_"))
}

// splitList lets a variable hold a list, separated by commas.
func splitList(s *pflag.Flag, value string) []string {
	if _, isList := s.Value.(pflag.SliceValue); isList {
		return strings.Split(value, ",")
	}
	return []string{value}
}

func flagValues(f *pflag.Flag) []string {
	if list, isList := f.Value.(pflag.SliceValue); isList {
		return list.GetSlice()
	}
	return []string{f.Value.String()}
}

func assign(into pflag.Value, values []string) error {
	if list, isList := into.(pflag.SliceValue); isList {
		return list.Replace(values)
	}
	if len(values) != 1 {
		return fmt.Errorf("takes one value, not %d", len(values))
	}
	if err := into.Set(values[0]); err != nil {
		return fmt.Errorf("is %q, want %s", values[0], kind(into.Type()))
	}
	return nil
}

// kind names a type as people write it.
func kind(pflagType string) string {
	switch pflagType {
	case "int", "int64":
		return "a whole number"
	case "bool":
		return "true or false"
	case "duration":
		return `a duration such as "30s" or "24h"`
	default:
		return pflagType
	}
}

// readFile reads a configuration file; one that is named must exist.
func readFile(file string, known *pflag.FlagSet) (map[string]given, error) {
	found := make(map[string]given)
	if file == "" {
		return found, nil
	}
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no config file %s: fallow-router config print > %s writes one to start from", file, file)
	}
	if err != nil {
		return nil, fmt.Errorf("read config file: %w", err)
	}
	var tree map[string]any
	if err := toml.Unmarshal(raw, &tree); err != nil {
		var syntax toml.ParseError
		if errors.As(err, &syntax) {
			return nil, fmt.Errorf("%s is not valid TOML: %s", file, syntax.ErrorWithUsage())
		}
		return nil, fmt.Errorf("%s is not valid TOML: %w", file, err)
	}
	return found, flatten(file, "", tree, known, found)
}

// flatten turns tables into dotted names and refuses what is not a setting.
func flatten(file, prefix string, tree map[string]any, known *pflag.FlagSet, into map[string]given) error {
	for key, value := range tree {
		name := prefix + key
		if table, isTable := value.(map[string]any); isTable && known.Lookup(name) == nil {
			if err := flatten(file, name+".", table, known, into); err != nil {
				return err
			}
			continue
		}
		if known.Lookup(name) == nil {
			return fmt.Errorf("%s: unknown key %s%s; fallow-router config print lists them all", file, name, hint(name, known))
		}
		values, err := texts(value)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", file, name, err)
		}
		into[name] = given{values, file + ": " + name}
	}
	return nil
}

// texts is a TOML value as the settings read it.
func texts(value any) ([]string, error) {
	switch v := value.(type) {
	case string:
		return []string{v}, nil
	case bool, int64:
		return []string{fmt.Sprint(v)}, nil
	case []any:
		list := make([]string, 0, len(v))
		for _, one := range v {
			text, isText := one.(string)
			if !isText {
				return nil, fmt.Errorf("%v in the list is not a text in quotes", one)
			}
			list = append(list, text)
		}
		return list, nil
	case time.Time:
		return nil, errors.New("is a date; a text in quotes, a whole number, true or false, or a list is wanted")
	default:
		return nil, fmt.Errorf("%v is not a text in quotes, a whole number, true or false, or a list", v)
	}
}

// hint is the known name closest to a mistyped one, if any is close.
func hint(name string, known *pflag.FlagSet) string {
	best, distance := "", 4
	known.VisitAll(func(s *pflag.Flag) {
		d := edits(name, s.Name)
		if _, last, dotted := strings.Cut(s.Name, "."); dotted {
			d = min(d, edits(name, last)) // right key, wrong section
		}
		if d < distance {
			best, distance = s.Name, d
		}
	})
	if best == "" {
		return ""
	}
	return " (did you mean " + best + "?)"
}

// edits is how many characters apart two words are (Levenshtein).
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for i := range row {
		row[i] = i
	}
	for i := range len(a) {
		previous := slices.Clone(row)
		row[0] = i + 1
		for k := range len(b) {
			cost := 1
			if a[i] == b[k] {
				cost = 0
			}
			row[k+1] = min(previous[k+1]+1, row[k]+1, previous[k]+cost)
		}
	}
	return row[len(b)]
}
