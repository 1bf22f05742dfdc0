package api_test

import (
	"errors"
	"testing"

	"github.com/fallow-network/fallow/router/api"
)

func TestSettlement(t *testing.T) {
	c := serve(t, new(fake), nil).client
	plan, err := c.PlanSettlement(t.Context(), 1)
	if err != nil || plan.Epoch != 1 || plan.Units != 1<<60 {
		t.Fatalf("%+v %v", plan, err)
	}
	var refused *api.Error
	if _, err := c.PlanSettlement(t.Context(), 2); !errors.As(err, &refused) || refused.Code != api.CodeConflict {
		t.Fatalf("plan of an open epoch: %v", err)
	}
	if st, err := c.RunSettlement(t.Context(), 0); err != nil || st.Payments != 1 || st.Paid != 1<<60 {
		t.Fatalf("%+v %v", st, err)
	}
	if r, err := c.Reconcile(t.Context(), 7); err != nil || r.Next != 8 {
		t.Fatalf("%+v %v", r, err)
	}
}
