package api

import (
	"context"
	"net/http"
)

// patient is a client for what writes files before it answers.
func (c *Client) patient() *Client {
	return &Client{base: c.base, http: &http.Client{Timeout: longWork, Transport: c.http.Transport}}
}

// Publish makes a version of what was gathered for a dataset up to now, and
// returns the latest one.
func (c *Client) Publish(ctx context.Context, name string) (Version, error) {
	var v Version
	return v, c.patient().post(ctx, nil, &v, "datasets", name, "versions")
}

// TakeDown has pages left out of a dataset. When it returns without error, the
// order is durable and the version without them is out.
func (c *Client) TakeDown(ctx context.Context, name string, t NewTakedown) (Takedown, error) {
	var done Takedown
	return done, c.patient().post(ctx, t, &done, "datasets", name, "takedowns")
}

// Notices is a part of what was taken down from a dataset, oldest first.
func (c *Client) Notices(ctx context.Context, name string, p Page) (NoticePage, error) {
	var page NoticePage
	return page, c.get(ctx, p, &page, "datasets", name, "notices")
}
