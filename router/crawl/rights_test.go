package crawl_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/router/crawl/job"
)

// A record says what the page's licence is and how much personal data its text
// has; with Redact the data itself is gone from text and title.
func TestLicenceAndPersonalData(t *testing.T) {
	t.Parallel()
	const private = "ann@people.example"
	w := newWorld(t)
	w.site("small.fallow.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(rw, "<title>%s</title><link rel=license href='https://creativecommons.org/licenses/by/4.0/'>", private)
		for range 8 {
			fmt.Fprint(rw, "<p>The harbour master wrote down the height of the river every morning, and what the boats had brought.</p>")
		}
		fmt.Fprintf(rw, "<p>Write to %s or call +44 20 7946 0958; pay into GB82 WEST 1234 5698 7654 32. His number is 44051401359.</p>", private)
	}))
	w.start()
	for dataset, redact := range map[string]bool{"open": false, "closed": true} {
		p := w.finish(w.submit(job.Spec{Dataset: dataset, Seeds: []string{"https://small.fallow.test/"}, Redact: redact}))
		records := w.records(p)
		if len(records) != 1 {
			t.Fatalf("%d records", len(records))
		}
		r := records[0]
		if r.License != "CC-BY-4.0" || r.LicenseSource != "link" {
			t.Errorf("licence %q from %q", r.License, r.LicenseSource)
		}
		if r.PIIEmail != 1 || r.PIIPhone != 1 || r.PIIIBAN != 1 || r.PIINationalID != 1 {
			t.Errorf("%d mail addresses, %d numbers, %d accounts, %d identities", r.PIIEmail, r.PIIPhone, r.PIIIBAN, r.PIINationalID)
		}
		if has := strings.Contains(r.Text+r.Title, private); has == redact {
			t.Errorf("redact %t: %q, %q", redact, r.Title, r.Text)
		}
		if want := "Write to [email] or call [phone]; pay into [iban]. His number is [id]."; redact && !strings.Contains(r.Text, want) {
			t.Errorf("%q has no %q", r.Text, want)
		}
	}
}
