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

func TestOrders(t *testing.T) {
	c := serve(t, new(fake), nil).client
	o, err := c.TakeOrder(t.Context(), api.NewOrder{Dataset: "go-docs", Version: 1, Price: 1 << 60})
	if err != nil || o.Price != 1<<60 || o.Pay == "" {
		t.Fatalf("%+v %v", o, err)
	}
	if page, err := c.Orders(t.Context(), api.Page{}); err != nil || len(page.Orders) != 1 || page.Orders[0].ID != o.ID {
		t.Fatalf("%+v %v", page, err)
	}
	var refused *api.Error
	if _, err := c.RefundOrder(t.Context(), o.ID, api.OrderRefund{}); !errors.As(err, &refused) || refused.Code != api.CodeConflict {
		t.Fatalf("refund of nothing: %v", err)
	}
	if _, err := c.Order(t.Context(), "o-9"); !errors.As(err, &refused) || refused.Code != api.CodeNotFound {
		t.Fatalf("no such order: %v", err)
	}
	if _, err := c.TakeOrder(t.Context(), api.NewOrder{Dataset: "go-docs"}); !errors.As(err, &refused) || refused.Code != api.CodeInvalid {
		t.Fatalf("version 0: %v", err)
	}
}
