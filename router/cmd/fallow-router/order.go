package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/router/api"
)

func newOrder() *cobra.Command {
	t := new(target)
	cmd := &cobra.Command{
		Use:   "order",
		Short: "Take orders for dataset versions, see them paid, pay back what was too much",
		Long: `Take orders for dataset versions. Each has a reference of its own, which the
buyer's wallet puts into the payment (Solana Pay), so that what arrives finds its
order. Only final transactions count. A sale is shared with the nodes that carried
the version, in the epoch that is open, after the operator's published fee.

Too little waits for the rest until the order expires. What was too much, or came
too late, stays with you until you pay it back with "refund".`,
		Example: `  fallow-router order add --dataset go-docs --version 1 --price 25000000 --buyer "ACME" --data ./data/router
  fallow-router order list --data ./data/router
  fallow-router order refund ORDER --data ./data/router`,
	}
	t.flags(cmd)
	cmd.AddCommand(newOrderAdd(t), newOrderList(t), newOrderShow(t), newOrderRefund(t))
	return cmd
}

func newOrderAdd(t *target) *cobra.Command {
	var o api.NewOrder
	var price int64
	cmd := &cobra.Command{
		Use:     "add --dataset NAME --version N --price BASE_UNITS",
		Short:   "Take an order, and get the address to pay it",
		Example: "  fallow-router order add --dataset go-docs --version 1 --price 25000000 --data ./data/router",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Dataset == "" || o.Version < 1 || price < 1 {
				return usageError{errors.New("say what is bought and for how much: --dataset NAME --version N --price BASE_UNITS")}
			}
			o.Price = api.Units(price)
			return t.order(cmd, func(ctx context.Context, c *api.Client) (api.Order, error) { return c.TakeOrder(ctx, o) })
		},
	}
	cmd.Flags().StringVar(&o.Dataset, "dataset", "", "name of the dataset")
	cmd.Flags().IntVar(&o.Version, "version", 0, "version that is bought")
	cmd.Flags().Int64Var(&price, "price", 0, "base units of the token")
	cmd.Flags().StringVar(&o.Buyer, "buyer", "", "how you know the buyer")
	return cmd
}

func newOrderList(t *target) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List orders, newest first",
		Example: "  fallow-router order list --data ./data/router",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.speak(cmd, func(ctx context.Context, c *api.Client, s screen) error {
				orders, err := readAll(limit, func(p api.Page) ([]api.Order, string, error) {
					page, err := c.Orders(ctx, p)
					return page.Orders, page.Next, err
				})
				if err != nil {
					return err
				}
				if t.json {
					return writeJSON(s.out, map[string]any{"orders": orders})
				}
				rows := make([][]string, 0, len(orders))
				for _, o := range orders {
					rows = append(rows, []string{
						o.ID, o.State, o.Dataset, strconv.Itoa(o.Version), fmt.Sprint(int64(o.Price)), fmt.Sprint(int64(o.Received)),
						fmt.Sprint(int64(o.Refundable)), when(o.Created), orDash(o.Buyer),
					})
				}
				return s.table([]string{"ORDER", "STATE", "DATASET", "VERSION", "PRICE", "RECEIVED", "TO PAY BACK", "CREATED", "BUYER"}, rows)
			})
		},
	}
	limitFlag(cmd, &limit, 50)
	return cmd
}

func newOrderShow(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "show ORDER", Short: "Show how an order stands", Args: cobra.ExactArgs(1),
		Example: "  fallow-router order show ORDER --data ./data/router --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.order(cmd, func(ctx context.Context, c *api.Client) (api.Order, error) { return c.Order(ctx, args[0]) })
		},
	}
}

func newOrderRefund(t *target) *cobra.Command {
	var r api.OrderRefund
	cmd := &cobra.Command{
		Use: "refund ORDER", Short: "Pay back what an order does not need", Args: cobra.ExactArgs(1),
		Long: `Pay back what an order does not need: what was too much, or all of an order that
was not paid in time. It goes where the last payment came from, or to --to. After
an error the same command goes on; nothing is paid back twice.`,
		Example: `  fallow-router order refund ORDER --data ./data/router
  fallow-router order refund ORDER --to 7Yx… --data ./data/router`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.order(cmd, func(ctx context.Context, c *api.Client) (api.Order, error) { return c.RefundOrder(ctx, args[0], r) })
		},
	}
	cmd.Flags().StringVar(&r.To, "to", "", "address to pay back to (default: where the last payment came from)")
	return cmd
}

func (t *target) order(cmd *cobra.Command, ask func(context.Context, *api.Client) (api.Order, error)) error {
	return t.speak(cmd, func(ctx context.Context, c *api.Client, s screen) error {
		o, err := ask(ctx, c)
		if err != nil {
			return err
		}
		if t.json {
			return writeJSON(s.out, o)
		}
		rows := [][2]string{
			{"order", o.ID + ", " + o.State},
			{"for", fmt.Sprintf("%s version %d", o.Dataset, o.Version)},
			{"buyer", o.Buyer},
			{"price", fmt.Sprintf("%d base units, %d received", o.Price, o.Received)},
			{"pay by", when(o.Expires)},
			{"pay with", o.Pay},
		}
		if o.Refundable > 0 || o.Refunded > 0 {
			rows = append(rows, [2]string{"to pay back", fmt.Sprintf("%d base units, %d paid back; fallow-router order refund %s%s", o.Refundable, o.Refunded, o.ID, t.again())})
		}
		for _, p := range o.Payments {
			rows = append(rows, [2]string{"paid", fmt.Sprintf("%d base units from %s in %s", p.Units, orDash(p.From), p.Transaction)})
		}
		s.fields(rows)
		return nil
	})
}
