package api_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/router/api"
)

func TestClientErrors(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	c, err := api.NewClient(gone.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Jobs(t.Context(), api.Page{}); !errors.Is(err, api.ErrUnreachable) || !strings.Contains(err.Error(), gone.URL) {
		t.Errorf("nobody there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Jobs(ctx, api.Page{}); !errors.Is(err, context.Canceled) || errors.Is(err, api.ErrUnreachable) {
		t.Errorf("cancelled: %v", err)
	}
	for name, answer := range map[string]http.HandlerFunc{
		"other program":   func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "hello", http.StatusTeapot) },
		"other program 2": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
	} {
		other := httptest.NewServer(answer)
		c, err := api.NewClient(other.URL)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Jobs(t.Context(), api.Page{}); err == nil || !strings.Contains(err.Error(), "like a Fallow router") {
			t.Errorf("%s: %v", name, err)
		}
		other.Close()
	}
}

func TestNewClient(t *testing.T) {
	for base, want := range map[string]string{
		"127.0.0.1:4180": "http://127.0.0.1:4180", "http://[::1]:1/": "http://[::1]:1", "https://router.example/below": "https://router.example/below",
		"ftp://x": "", "http://": "", "http://a b": "", "": "",
	} {
		c, err := api.NewClient(base)
		switch {
		case want == "" && err == nil:
			t.Errorf("%q is taken", base)
		case want != "" && (err != nil || c.Base() != want):
			t.Errorf("%q: %v %v", base, c, err)
		}
	}
}

func TestMicroPoints(t *testing.T) {
	for m, want := range map[api.MicroPoints]string{0: "0.000000", 12_345_678: "12.345678", -1: "-0.000001"} {
		if m.String() != want {
			t.Errorf("%d: %s", int64(m), m)
		}
	}
	var m api.MicroPoints
	if err := m.UnmarshalText([]byte("1.5")); err == nil {
		t.Error("a fraction is taken")
	}
}
