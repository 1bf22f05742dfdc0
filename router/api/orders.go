package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Orders is what the API needs to sell dataset versions.
type Orders interface {
	// Take takes an order. Conflict if the router takes no payments.
	Take(ctx context.Context, o NewOrder) (Order, error)
	// List is orders, newest first; a key of the list is an order's id.
	List(ctx context.Context, p Page) ([]Order, error)
	// Order is one order, NotFound if there is none.
	Order(ctx context.Context, id string) (Order, error)
	// Refund pays back what an order does not need; Conflict if that is nothing.
	Refund(ctx context.Context, id string, r OrderRefund) (Order, error)
}

// NewOrder is what a buyer wants.
type NewOrder struct {
	Dataset string `json:"dataset" minLength:"1" maxLength:"128"`
	Version int    `json:"version" minimum:"1"`
	Price   Units  `json:"price" doc:"Base units of the token"`
	Buyer   string `json:"buyer,omitempty" maxLength:"200" doc:"How you know the buyer"`
}

// Order is how an order stands.
type Order struct {
	ID         string         `json:"id"`
	State      string         `json:"state" enum:"open,underpaid,paid,overpaid,expired,owed" doc:"owed: what arrived bought nothing and can be paid back"`
	Dataset    string         `json:"dataset"`
	Version    int            `json:"version"`
	Buyer      string         `json:"buyer,omitempty"`
	Price      Units          `json:"price"`
	Received   Units          `json:"received" doc:"In final transactions"`
	Refunded   Units          `json:"refunded"`
	Refundable Units          `json:"refundable" doc:"Arrived and bought nothing"`
	Reference  string         `json:"reference" doc:"Key that names the order in a transaction"`
	Pay        string         `json:"pay,omitempty" doc:"Solana Pay URL for the buyer's wallet"`
	Created    time.Time      `json:"created"`
	Expires    time.Time      `json:"expires"`
	Sold       *time.Time     `json:"sold,omitempty"`
	Payments   []OrderPayment `json:"payments,omitempty"`
}

// OrderPayment is what one transaction brought.
type OrderPayment struct {
	Transaction string    `json:"transaction"`
	Units       Units     `json:"units"`
	From        string    `json:"from,omitempty"`
	At          time.Time `json:"at"`
}

// OrderPage is a part of the list of orders.
type OrderPage struct {
	Orders []Order `json:"orders" nullable:"false"`
	Next   string  `json:"next,omitempty" doc:"Give this as after for the next part; left out at the end"`
}

// OrderRefund says where to pay back to.
type OrderRefund struct {
	To string `json:"to,omitempty" doc:"An address; left out: where the last payment came from"`
}

func (s *Server) addOrders() {
	tags := []string{"orders"}
	handle(s, huma.Operation{
		OperationID: "create-order", Method: http.MethodPost, Path: "/api/v1/orders", Tags: tags, DefaultStatus: http.StatusCreated,
		Summary: "Take an order", Description: "Answered once it is stored; pay says how the buyer pays it.", Errors: []int{http.StatusConflict},
	}, func(ctx context.Context, in *struct{ Body NewOrder }) (*answer[Order], error) {
		return ok(s.backend.Orders.Take(ctx, in.Body))
	})
	handle(s, huma.Operation{
		OperationID: "list-orders", Method: http.MethodGet, Path: "/api/v1/orders", Tags: tags, Summary: "Orders, newest first",
	}, func(ctx context.Context, in *ListQuery) (*answer[OrderPage], error) {
		list, err := s.backend.Orders.List(ctx, in.page())
		var p OrderPage
		p.Orders, p.Next = cut(list, in.Limit, func(o Order) string { return o.ID })
		return ok(p, err)
	})
	handle(s, huma.Operation{
		OperationID: "get-order", Method: http.MethodGet, Path: "/api/v1/orders/{id}", Tags: tags, Summary: "How an order stands",
		Errors: []int{http.StatusNotFound},
	}, func(ctx context.Context, in *jobPath) (*answer[Order], error) {
		return ok(s.backend.Orders.Order(ctx, in.ID))
	})
	handle(s, huma.Operation{
		OperationID: "refund-order", Method: http.MethodPost, Path: "/api/v1/orders/{id}/refund", Tags: tags,
		Summary:     "Pay back what an order does not need",
		Description: "What was too much, or all of an order that was not paid in time. Asked again, it goes on; nothing is paid back twice.",
		Errors:      []int{http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable},
	}, func(ctx context.Context, in *struct {
		ID   string `path:"id" maxLength:"64"`
		Body OrderRefund
	},
	) (*answer[Order], error) {
		return ok(s.backend.Orders.Refund(ctx, in.ID, in.Body))
	})
}

// TakeOrder takes an order.
func (c *Client) TakeOrder(ctx context.Context, o NewOrder) (Order, error) {
	var taken Order
	return taken, c.post(ctx, o, &taken, "orders")
}

// Orders is a part of the list of orders, newest first.
func (c *Client) Orders(ctx context.Context, p Page) (OrderPage, error) {
	var page OrderPage
	return page, c.get(ctx, p, &page, "orders")
}

// Order is how one order stands.
func (c *Client) Order(ctx context.Context, id string) (Order, error) {
	var o Order
	return o, c.get(ctx, Page{}, &o, "orders", id)
}

// RefundOrder pays back what an order does not need.
func (c *Client) RefundOrder(ctx context.Context, id string, r OrderRefund) (Order, error) {
	var o Order
	return o, c.post(ctx, r, &o, "orders", id, "refund")
}
