package gate

import (
	"bytes"
	"encoding/json"
	"strings"
)

// maxTDMRules is how many entries of a tdmrep.json are kept.
const maxTDMRules = 4096

// tdmRule is one entry of /.well-known/tdmrep.json (TDM Reservation Protocol).
type tdmRule struct {
	pattern  pattern
	training Training
}

// parseTDMRep reads the entries of a tdmrep.json. Entries it cannot read are
// left out; a file that is not JSON has none.
func parseTDMRep(body []byte) []tdmRule {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	var entries []json.RawMessage
	if bytes.HasPrefix(body, []byte("{")) {
		entries = []json.RawMessage{body} // one rule without its array, a common slip
	} else if json.Unmarshal(body, &entries) != nil {
		return nil
	}
	var rules []tdmRule
	for _, entry := range entries {
		var e struct {
			Location    string          `json:"location"`
			Reservation json.RawMessage `json:"tdm-reservation"`
		}
		if json.Unmarshal(entry, &e) != nil || e.Location == "" {
			continue
		}
		if said := reservation(string(e.Reservation)); said != TrainingUnstated {
			rules = append(rules, tdmRule{pattern: newPattern(e.Location), training: said})
		}
		if len(rules) == maxTDMRules {
			break
		}
	}
	return rules
}

// bestTDM is the most specific rule that matches path, the refusing one among
// equals; nil without one.
func bestTDM(rules []tdmRule, path string) *tdmRule {
	var found *tdmRule
	for i := range rules {
		r := &rules[i]
		if !r.pattern.match(path) {
			continue
		}
		if found == nil || r.pattern.priority() > found.pattern.priority() ||
			r.pattern.priority() == found.pattern.priority() && r.training == TrainingRefused {
			found = r
		}
	}
	return found
}

func (r *tdmRule) String() string {
	value := "1"
	if r.training == TrainingAllowed {
		value = "0"
	}
	return strings.Join([]string{"location:", r.pattern.String(), "tdm-reservation:", value}, " ")
}
