package edgectl

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"sluice/internal/edge"
	"sluice/internal/platform"
)

// callTimeout bounds every request but Hold and Commit, which may wait for a drain.
const callTimeout = 30 * time.Second

var errTimeout = errors.New("the router did not answer in time")

// Client tells a router what to do. It is safe for concurrent use. Every method returns
// CodeUnavailable when no router answers; the router may have done what it was told, and
// the request may be sent again.
type Client struct {
	path string
	http *http.Client
}

// NewClient returns a client of the router that listens on the socket at path. It does
// not connect yet.
func NewClient(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}
	// Connections are not kept: there are few requests, and one that was sent to a router
	// that has gone meanwhile could not be told from one that was not done.
	return &Client{path: path, http: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// Hold makes new requests wait and returns when those in flight are done or were cut.
func (c *Client) Hold(ctx context.Context, h platform.Hold) (platform.HoldReport, error) {
	return call[platform.HoldReport](ctx, c, http.MethodPost, action(h.Environment, "hold"), h)
}

// HoldBriefly makes new requests wait until EndBriefHold, for limit at most, and returns at once.
// Holds and maintenance stay what they are.
func (c *Client) HoldBriefly(ctx context.Context, env platform.EnvironmentID, activity string, limit time.Duration) error {
	_, err := quick[nothing](ctx, c, http.MethodPost, action(env, "hold-briefly"), briefHold{Activity: activity, Limit: limit})
	return err
}

// EndBriefHold ends the brief hold of the activity.
func (c *Client) EndBriefHold(ctx context.Context, env platform.EnvironmentID, activity string) (platform.HoldReport, error) {
	return quick[platform.HoldReport](ctx, c, http.MethodPost, action(env, "end-brief-hold"), briefHold{Activity: activity})
}

// Commit changes what happens at the hold's deadline to platform.Maintain. When that has
// passed it holds once more, and returns like Hold.
func (c *Client) Commit(ctx context.Context, env platform.EnvironmentID) error {
	_, err := call[nothing](ctx, c, http.MethodPost, action(env, "commit"), nil)
	return err
}

// Publish sets the routes and backends of an environment and opens it to them.
func (c *Client) Publish(ctx context.Context, p platform.Publication) (platform.HoldReport, error) {
	return quick[platform.HoldReport](ctx, c, http.MethodPost, action(p.Environment, "publish"), p)
}

// Resume opens the environment to the backends from before the hold.
func (c *Client) Resume(ctx context.Context, env platform.EnvironmentID) (platform.HoldReport, error) {
	return quick[platform.HoldReport](ctx, c, http.MethodPost, action(env, "resume"), nil)
}

// Close answers the environment's requests with the maintenance page.
func (c *Client) Close(ctx context.Context, env platform.EnvironmentID, message string) (platform.HoldReport, error) {
	return quick[platform.HoldReport](ctx, c, http.MethodPost, action(env, "close"), closing{Message: message})
}

// Offer makes a release that has started and does not serve yet known to the router:
// requests of operators that bypass a hold go to it.
func (c *Client) Offer(ctx context.Context, p platform.Publication) error {
	_, err := quick[nothing](ctx, c, http.MethodPost, action(p.Environment, "offer"), p)
	return err
}

// Configure sets what the router does for an environment besides its routes.
func (c *Client) Configure(ctx context.Context, env platform.EnvironmentID, s platform.EdgeSettings) error {
	_, err := quick[nothing](ctx, c, http.MethodPost, action(env, "configure"), s)
	return err
}

// LastHold returns the report of the environment's present or last hold, up to date.
func (c *Client) LastHold(ctx context.Context, env platform.EnvironmentID) (platform.HoldReport, error) {
	status, err := c.State(ctx, env)
	return status.LastHold, err
}

// Bypass returns a path on the environment's hosts that makes a browser bypass holds and
// maintenance, and until when it does; an hour from now when life is 0.
func (c *Client) Bypass(ctx context.Context, env platform.EnvironmentID, life time.Duration) (path string, until time.Time, err error) {
	b, err := quick[edge.Bypass](ctx, c, http.MethodPost, action(env, "bypass"), bypassing{Life: life})
	return b.Path, b.Until, err
}

// Purge removes answers of an environment from the router's cache.
func (c *Client) Purge(ctx context.Context, env platform.EnvironmentID, p platform.Purge) (platform.PurgeReport, error) {
	return quick[platform.PurgeReport](ctx, c, http.MethodPost, action(env, "purge"), p)
}

// Forget removes the environment from the router.
func (c *Client) Forget(ctx context.Context, env platform.EnvironmentID) error {
	_, err := quick[nothing](ctx, c, http.MethodDelete, action(env, ""), nil)
	return err
}

// State returns what the router does for one environment, or CodeNotFound.
func (c *Client) State(ctx context.Context, env platform.EnvironmentID) (edge.Status, error) {
	return quick[edge.Status](ctx, c, http.MethodGet, action(env, ""), nil)
}

// Status returns what the router does for every environment, sorted.
func (c *Client) Status(ctx context.Context) ([]edge.Status, error) {
	return quick[[]edge.Status](ctx, c, http.MethodGet, "/v1/environments", nil)
}

func action(env platform.EnvironmentID, verb string) string {
	p := "/v1/environments/" + url.PathEscape(string(env))
	if verb != "" {
		p += "/" + verb
	}
	return p
}

func quick[T any](ctx context.Context, c *Client, method, path string, body any) (T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, callTimeout, errTimeout)
	defer cancel()
	return call[T](ctx, c, method, path, body)
}

func call[T any](ctx context.Context, c *Client, method, path string, body any) (result T, err error) {
	data, err := json.Marshal(body)
	if err != nil {
		return result, fmt.Errorf("encode control request: %w", err)
	}
	for range handovers {
		var moved bool
		if result, moved, err = once[T](ctx, c, method, path, data); !moved {
			return result, err
		}
	}
	return result, err
}

// handovers is how often a request is sent to a router that another process takes over
// from at that very moment.
const handovers = 3

// once sends a request. moved says that nothing was done, as another process is the
// router by now.
func once[T any](ctx context.Context, c *Client, method, path string, data []byte) (result T, moved bool, err error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://router"+path, bytes.NewReader(data))
	if err != nil {
		return result, false, fmt.Errorf("make control request: %w", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return result, false, unavailable(ctx, err)
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode != http.StatusOK {
		var p problem
		_ = json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&p) // without JSON there is no explanation
		return result, resp.StatusCode == statusMoved, p.error()
	}
	if err := json.NewDecoder(resp.Body).Decode(&result); err != nil {
		return result, false, unavailable(ctx, err)
	}
	return result, false, nil
}

// unavailable keeps the caller's own cancellation apart from a router that is gone.
func unavailable(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, errTimeout) {
		return cause
	}
	return &platform.Error{
		Code:    platform.CodeUnavailable,
		Message: "the router does not answer on its control socket",
		Hint:    "look at the router: systemctl status sluice-router",
		Err:     err,
	}
}
