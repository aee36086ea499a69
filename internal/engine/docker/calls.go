package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/client"

	"sluice/internal/platform"
)

// callLimit is how long Docker may take to respond to a call that does not itself wait for
// something. It is for an engine that hangs, not for one that is slow.
const callLimit = 5 * time.Minute

// newClient returns a client whose calls end when Docker does not respond.
func newClient(host string) (*client.Client, *http.Transport, error) {
	url, err := client.ParseHostURL(host)
	if err != nil {
		return nil, nil, err
	}
	network, address := url.Scheme, url.Host
	if network == "unix" {
		address = url.Host + url.Path
	}
	base := &http.Transport{
		MaxIdleConns: 6, IdleConnTimeout: 30 * time.Second, DisableCompression: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}
	cli, err := client.New(client.WithHost(host), client.WithHTTPClient(&http.Client{
		Transport: deadlines{base, callLimit}, CheckRedirect: client.CheckRedirect,
	}))
	return cli, base, err
}

// deadlines ends calls to which Docker does not respond.
type deadlines struct {
	http.RoundTripper
	limit time.Duration
}

// RoundTrip carries out one call. Its limit ends with the head of the response.
func (d deadlines) RoundTrip(req *http.Request) (*http.Response, error) {
	if waits(req) {
		return d.RoundTripper.RoundTrip(req)
	}
	silent := &platform.Error{
		Code:    platform.CodeUnavailable,
		Message: fmt.Sprintf("Docker did not respond to %s %s within %s", req.Method, req.URL.Path, d.limit),
		Hint:    "see what it does: journalctl -u docker; restarting it with live-restore keeps containers running",
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	timer := time.AfterFunc(d.limit, func() { cancel(silent) })
	resp, err := d.RoundTripper.RoundTrip(req.WithContext(ctx))
	if !timer.Stop() && errors.Is(context.Cause(ctx), silent) {
		err = silent
	}
	if err != nil {
		cancel(nil)
		return nil, err
	}
	resp.Body = &body{resp.Body, cancel}
	return resp, nil
}

// body frees a call's context once its response is read.
type body struct {
	io.ReadCloser
	cancel context.CancelCauseFunc
}

// Close closes the body.
func (b *body) Close() error {
	b.cancel(nil)
	return b.ReadCloser.Close()
}

// waits reports whether a call takes as long as what it waits for: a container's end, a
// pull, a command.
func waits(req *http.Request) bool {
	p := req.URL.Path
	if strings.HasSuffix(p, "/start") {
		return strings.Contains(p, "/exec/")
	}
	endings := []string{"/wait", "/stop", "/logs", "/attach", "/images/create", "/images/load", "/build", "/events"}
	return slices.ContainsFunc(endings, func(end string) bool { return strings.HasSuffix(p, end) })
}
