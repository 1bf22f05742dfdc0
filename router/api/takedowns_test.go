package api_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/fallow-network/fallow/router/api"
)

func TestTakedowns(t *testing.T) {
	s := serve(t, newFake(t), nil)
	done, err := s.client.TakeDown(t.Context(), "docs", api.NewTakedown{Scope: "site", Target: "a.example", Reason: "asked"})
	if err != nil || done != (api.Takedown{Number: 1, Rows: 3, Version: 2}) {
		t.Errorf("%+v, %v", done, err)
	}
	if _, err := s.client.TakeDown(t.Context(), "docs", api.NewTakedown{Scope: "url", Target: "https://b.example/", Reason: "asked too"}); err != nil {
		t.Error(err)
	}
	page, err := s.client.Notices(t.Context(), "docs", api.Page{Limit: 1})
	if err != nil || len(page.Notices) != 1 || page.Notices[0].Reason != "asked" || page.Next != "1" {
		t.Errorf("%+v, %v", page, err)
	}
	var refused *api.Error
	for _, bad := range []api.NewTakedown{{Scope: "everything", Target: "a", Reason: "r"}, {Scope: "url", Reason: "r", Target: string(make([]byte, 3000))}} {
		if _, err := s.client.TakeDown(t.Context(), "docs", bad); !errors.As(err, &refused) || refused.Code != api.CodeInvalid {
			t.Errorf("%.20s: %v", bad.Scope, err)
		}
	}
	if _, err := s.client.TakeDown(t.Context(), "..", api.NewTakedown{Scope: "site", Target: "a.example", Reason: "r"}); !errors.As(err, &refused) || refused.Status != http.StatusNotFound {
		t.Errorf("a name that is none: %v", err)
	}
	if v, err := s.client.Publish(t.Context(), "docs"); err != nil || v.Version != 2 {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err := s.client.Publish(t.Context(), "news"); !errors.As(err, &refused) || refused.Code != api.CodeConflict {
		t.Errorf("nothing to publish: %v", err)
	}
}
