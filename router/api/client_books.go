package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// Challenges lists challenges, newest first, of one epoch or of all (0).
func (c *Client) Challenges(ctx context.Context, epoch uint64) ([]Challenge, error) {
	var list ChallengeList
	u := c.address([]string{"challenges"})
	if epoch != 0 {
		u.RawQuery = url.Values{"epoch": {strconv.FormatUint(epoch, 10)}}.Encode()
	}
	err := c.do(ctx, http.MethodGet, u, nil, &list)
	return list.Challenges, err
}

// Challenge files a challenge of a closed epoch.
func (c *Client) Challenge(ctx context.Context, epoch uint64, n NewChallenge) (Challenge, error) {
	var made Challenge
	return made, c.post(ctx, n, &made, "epochs", strconv.FormatUint(epoch, 10), "challenges")
}

// DecideChallenge ends a challenge.
func (c *Client) DecideChallenge(ctx context.Context, id uint64, d ChallengeDecision) (Challenge, error) {
	var decided Challenge
	return decided, c.post(ctx, d, &decided, "challenges", strconv.FormatUint(id, 10), "decision")
}

// Late shows a receipt of an epoch that has closed.
func (c *Client) Late(ctx context.Context, r LateReceipt) (LateOutcome, error) {
	var outcome LateOutcome
	return outcome, c.post(ctx, r, &outcome, "receipts")
}

// Standings lists nodes that are not in good standing or appeal.
func (c *Client) Standings(ctx context.Context) ([]Standing, error) {
	var list StandingList
	err := c.get(ctx, Page{}, &list, "standings")
	return list.Standings, err
}

// Standing is how one node stands.
func (c *Client) Standing(ctx context.Context, node string) (NodeStanding, error) {
	var n NodeStanding
	return n, c.get(ctx, Page{}, &n, "standings", node)
}

// Appeal records what a node's owner says about its standing.
func (c *Client) Appeal(ctx context.Context, node string, a NewAppeal) (NodeStanding, error) {
	var n NodeStanding
	return n, c.post(ctx, a, &n, "standings", node, "appeals")
}

// DecideStanding sets a node's standing.
func (c *Client) DecideStanding(ctx context.Context, node string, d StandingDecision) (NodeStanding, error) {
	var n NodeStanding
	return n, c.post(ctx, d, &n, "standings", node, "decisions")
}
