package apiv1

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// maxResponse bounds what the client reads of a response that is not a stream.
const maxResponse = 16 << 20

// Client speaks to one server with one token. It is safe for concurrent use.
//
// Methods return an *Error for a response that is not a success, and a *ConnectionError
// when no complete response arrived.
type Client struct {
	base      string // without a trailing slash
	token     string
	source    func(ctx context.Context) (string, error) // in place of token, unless nil
	http      *http.Client
	userAgent string
}

// Options adjust a Client; the zero Options are fine.
type Options struct {
	HTTP      *http.Client // must have no Timeout, it would cut log streams; nil: one of its own
	UserAgent string
	// TokenSource returns the token of each request, when it changes: that of a log-in lives for
	// minutes. It takes the place of the fixed one.
	TokenSource func(ctx context.Context) (string, error)
	// Insecure allows the token to be sent over plain HTTP to other machines.
	Insecure bool
}

// ErrInsecure is returned for a token that would go over the network in plain text.
var ErrInsecure = errors.New("the server is on another machine and has no TLS; the token was not sent")

// IsLocal reports whether a host, with or without a port, is this machine.
func IsLocal(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// NewClient returns a client of the server at an address such as "http://127.0.0.1:8080".
func NewClient(server, token string, opts Options) (*Client, error) {
	u, err := url.Parse(server)
	if err != nil {
		return nil, fmt.Errorf("server address: %w", err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("server address %q: want http://host:port or https://host", u.Redacted())
	}
	if (token != "" || opts.TokenSource != nil) && u.Scheme == "http" && !opts.Insecure && !IsLocal(u.Host) {
		return nil, fmt.Errorf("%s: %w", u.Redacted(), ErrInsecure)
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	c := &Client{base: strings.TrimRight(u.String(), "/"), token: token, source: opts.TokenSource, http: opts.HTTP, userAgent: opts.UserAgent}
	if c.http == nil {
		c.http = newHTTPClient()
	}
	return c, nil
}

// newHTTPClient speaks HTTP/1.1, as exec needs it, and follows no redirect: the API has none,
// and another place should not get the token.
func newHTTPClient() *http.Client {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 90 * time.Second, Protocols: new(http.Protocols)}
	t.Protocols.SetHTTP1(true)
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Server returns the address that the client speaks to, without a trailing slash.
func (c *Client) Server() string { return c.base }

// Login returns a text that is the same for the same server and token, and does not give
// the token away.
func (c *Client) Login() string {
	sum := sha256.Sum256([]byte(c.base + "\x00" + c.token))
	return hex.EncodeToString(sum[:])
}

// path joins escaped segments below /api.
func path(segments ...string) string {
	var b strings.Builder
	b.WriteString("/api")
	for _, s := range segments {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(s))
	}
	return b.String()
}

// request makes a request with the client's credentials; body is sent as JSON unless nil.
func (c *Client) request(ctx context.Context, method, target string, query url.Values, body any) (*http.Request, error) {
	var r io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		r = bytes.NewReader(data)
	}
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+target, r)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	token := c.token
	if c.source != nil {
		if token, err = c.source(ctx); err != nil {
			return nil, err
		}
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if c.userAgent != "" {
		req.Header.Set("User-Agent", c.userAgent)
	}
	return req, nil
}

// open sends the request and returns the response if it is a success. The caller closes its body.
func (c *Client) open(req *http.Request) (*http.Response, error) {
	resp, err := c.http.Do(req)
	if err != nil {
		if cause := context.Cause(req.Context()); cause != nil {
			return nil, cause
		}
		// The URL is in the message already.
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err
		}
		return nil, &ConnectionError{URL: c.base, Err: err}
	}
	if resp.StatusCode < http.StatusMultipleChoices {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }()
	return nil, readError(resp)
}

func readError(resp *http.Response) error {
	e := &Error{}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse))
	if err != nil || json.Unmarshal(data, e) != nil || e.Code == 0 {
		// Not ours: a proxy's page, or another server altogether.
		e = &Error{Message: "the server responded " + resp.Status}
	}
	e.Code = resp.StatusCode
	if e.Title == "" {
		e.Title = http.StatusText(resp.StatusCode)
	}
	return e
}

// read sends a request and returns the whole response.
func (c *Client) read(req *http.Request) ([]byte, error) {
	resp, err := c.open(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse))
	if err != nil {
		return nil, &ConnectionError{URL: c.base, Err: err}
	}
	return data, nil
}

// stream opens a response of a content type, to be read as it comes. The caller closes it.
func (c *Client) stream(ctx context.Context, target string, query url.Values, accept string) (io.ReadCloser, error) {
	req, err := c.request(ctx, http.MethodGet, target, query, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept)
	resp, err := c.open(req)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// call sends a request and decodes the response into out unless that is nil.
func (c *Client) call(ctx context.Context, method, target string, query url.Values, body, out any) error {
	req, err := c.request(ctx, method, target, query, body)
	if err != nil {
		return err
	}
	data, err := c.read(req)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(data, out); err != nil {
		return &ConnectionError{URL: c.base, Err: fmt.Errorf("read response: %w", err)}
	}
	return nil
}

// get is call for a GET that returns a T.
func get[T any](ctx context.Context, c *Client, target string, query url.Values) (T, error) {
	var out T
	err := c.call(ctx, http.MethodGet, target, query, nil, &out)
	return out, err
}

// post sends a request whose response is not [Accepted], and returns that.
func post[T any](ctx context.Context, c *Client, target string, body any) (T, error) {
	var out T
	err := c.call(ctx, http.MethodPost, target, nil, body, &out)
	return out, err
}
