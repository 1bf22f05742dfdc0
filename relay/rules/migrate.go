package rules

import (
	"bytes"
	"encoding/json"
	"time"
)

// decode reads a file of the given version, 1 to fileVersion. Files of earlier
// versions are kept in testdata.
func decode(text []byte, version int, zone *time.Location) (state, error) {
	if version == 1 {
		return decode1(text, zone)
	}
	s := state{Settings: DefaultSettings()}
	return s, strict(text, &s)
}

// strict refuses fields it does not know: a rule that is misspelt must not
// silently not be one.
func strict(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// decode1 reads version 1, which had one count, since a moment of the current
// month, and neither categories nor schedule nor automatic pauses: those come
// with their defaults.
func decode1(text []byte, zone *time.Location) (state, error) {
	var old struct {
		Version  int
		Consent  Consent
		Pause    Pause
		Settings struct {
			Deny, Allow []string
			Strict      bool
			Caps        struct {
				MaxTunnels   *int   `json:"max_tunnels"`
				MonthlyBytes uint64 `json:"monthly_bytes"`
				ResetDay     *int   `json:"reset_day"`
			}
		}
		Usage struct {
			Since time.Time
			Bytes uint64
		}
	}
	if err := strict(text, &old); err != nil {
		return state{}, err
	}
	s := state{Version: fileVersion, Consent: old.Consent, Pause: old.Pause, Settings: DefaultSettings()}
	s.Settings.Deny, s.Settings.Allow, s.Settings.Strict = old.Settings.Deny, old.Settings.Allow, old.Settings.Strict
	c := &s.Settings.Caps
	c.MonthlyBytes = old.Settings.Caps.MonthlyBytes
	for _, f := range []struct{ to, from *int }{{&c.MaxTunnels, old.Settings.Caps.MaxTunnels}, {&c.ResetDay, old.Settings.Caps.ResetDay}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if !old.Usage.Since.IsZero() {
		s.Usage.Month, s.Usage.MonthBytes = monthOf(old.Usage.Since.In(zone), c.ResetDay), old.Usage.Bytes
	}
	return s, nil
}
