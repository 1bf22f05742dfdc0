package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/dataset/flight"
)

func newFlight() *cobra.Command {
	var out string
	var version int
	var which selectionFlags
	cmd := &cobra.Command{
		Use:   "flight HOST:PORT NAME",
		Short: "Read rows of a dataset from a router over Arrow Flight",
		Long: `Read chosen rows and columns of a dataset from a router that serves Arrow Flight
(fallow-router serve --flight HOST:PORT): as JSON lines to standard output, or with
--out as an Arrow IPC stream, which pandas, Polars and DuckDB read. Nothing is verified
on the way; pull the version for that. A key goes into ` + tokenVariable + `.`,
		Example: `  fallow-data flight 127.0.0.1:4181 go-docs --columns url,title --language eng | head
  fallow-data flight 127.0.0.1:4181 go-docs --version 2 --out go-docs.arrows`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := which.selection()
			if err != nil {
				return err
			}
			client, err := flight.Dial(args[0], os.Getenv(tokenVariable))
			if err != nil {
				return err
			}
			defer client.Close()
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			request := flight.Request{Dataset: args[1], Version: version, Selection: s}
			return toFile(out, cmd.OutOrStdout(), func(w io.Writer, _ bool) error {
				if out == "" || out == "-" {
					return client.Read(ctx, request, func(b arrow.Record) error { return array.RecordToJSON(b, w) })
				}
				return writeStream(ctx, client, request, w)
			})
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file to write as an Arrow IPC stream")
	cmd.Flags().IntVar(&version, "version", 0, "version; the latest unless given")
	which.add(cmd.Flags(), true)
	return cmd
}

func writeStream(ctx context.Context, c *flight.Client, r flight.Request, to io.Writer) error {
	w := ipc.NewWriter(to, ipc.WithSchema(r.ArrowSchema()))
	if err := c.Read(ctx, r, w.Write); err != nil {
		return err
	}
	return w.Close()
}
