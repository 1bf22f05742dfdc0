package flight

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

// Client reads from a Flight service. It is safe for concurrent use.
type Client struct {
	client flight.Client
	key    string
}

// Dial prepares a client of the service at host:port, without TLS: it is for
// this machine and for tunnels. A key is sent as Bearer if there is one. The
// caller closes the client.
func Dial(address, key string) (*Client, error) {
	limits := grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(DefaultConfig().MaxBatch))
	c, err := flight.NewClientWithMiddleware(address, nil, nil, grpc.WithTransportCredentials(insecure.NewCredentials()), limits)
	if err != nil {
		return nil, fmt.Errorf("reach the Flight service at %s: %w", address, err)
	}
	return &Client{client: c, key: key}, nil
}

// Close ends the connection.
func (c *Client) Close() error { return c.client.Close() }

func (c *Client) with(ctx context.Context) context.Context {
	if c.key == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+c.key)
}

// Read calls yield for the record batches of a request, shard after shard. A
// batch is released when yield returns. Reading stops at the first error.
func (c *Client) Read(ctx context.Context, r Request, yield func(arrow.Record) error) error {
	ctx, cancel := context.WithCancel(c.with(ctx))
	defer cancel()
	command, err := json.Marshal(r)
	if err != nil {
		return err
	}
	info, err := c.client.GetFlightInfo(ctx, &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: command})
	if err != nil {
		return fmt.Errorf("ask for %s: %w", r.Dataset, err)
	}
	for _, endpoint := range info.GetEndpoint() {
		if err := c.readEndpoint(ctx, endpoint, yield); err != nil {
			return fmt.Errorf("read %s: %w", r.Dataset, err)
		}
	}
	return nil
}

func (c *Client) readEndpoint(ctx context.Context, e *flight.FlightEndpoint, yield func(arrow.Record) error) error {
	stream, err := c.client.DoGet(ctx, e.GetTicket())
	if err != nil {
		return err
	}
	reader, err := flight.NewRecordReader(stream)
	if err != nil {
		return err
	}
	defer reader.Release()
	for reader.Next() {
		if err := yield(reader.Record()); err != nil {
			return err
		}
	}
	return reader.Err()
}
