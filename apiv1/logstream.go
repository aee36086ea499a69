package apiv1

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// A log stream that breaks before its seal is opened again every retryEvery, for up to
// retryFor without hearing anything.
const (
	retryEvery = 500 * time.Millisecond
	retryFor   = 2 * time.Minute
	maxLogLine = 1 << 20 // bytes of one item
)

var errUnsealed = errors.New("the log ended before its seal")

// ActivityLog follows the log of an activity from its first line until it is sealed, which
// is when the activity is final. It survives broken connections: no line is missed and none
// comes twice. Heartbeats are not passed on. When wait is false, it ends after what there is.
func (c *Client) ActivityLog(ctx context.Context, id string, wait bool) iter.Seq2[LogData, error] {
	return func(yield func(LogData, error) bool) {
		f := &logFollower{client: c, id: id, wait: wait, yield: yield}
		if err := f.follow(ctx); err != nil {
			yield(LogData{}, err)
		}
	}
}

// logFollower reads one log over as many connections as it takes.
type logFollower struct {
	client *Client
	id     string
	wait   bool
	yield  func(LogData, error) bool
	last   int       // identifier of the last item that was passed on
	heard  time.Time // when anything came last
}

func (f *logFollower) follow(ctx context.Context) error {
	f.heard = time.Now()
	for {
		err := f.connect(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !mayRetry(err) || time.Since(f.heard) > retryFor {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(retryEvery):
		}
	}
}

func mayRetry(err error) bool {
	_, connection := errors.AsType[*ConnectionError](err)
	return connection || StatusCode(err) == http.StatusServiceUnavailable || StatusCode(err) == http.StatusBadGateway
}

// connect opens the log after the last item and reads it until it is sealed or the caller
// stops.
func (f *logFollower) connect(ctx context.Context) error {
	query := url.Values{"start_at": {strconv.Itoa(f.last + 1)}}
	if !f.wait {
		query.Set("max_delay", "0")
	}
	req, err := f.client.request(ctx, http.MethodGet, path("activities", f.id, "log"), query, nil)
	if err != nil {
		return err
	}
	resp, err := f.client.open(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	done, err := f.read(resp.Body)
	switch {
	case err != nil:
		return err
	case done || !f.wait:
		return nil
	default:
		return &ConnectionError{URL: f.client.base, Err: errUnsealed}
	}
}

// read passes on the items of one connection; done is true at the seal or when the
// reader has had enough.
func (f *logFollower) read(body io.Reader) (done bool, err error) {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, 64<<10), maxLogLine)
	for lines.Scan() {
		f.heard = time.Now()
		var item LogItem
		if err := json.Unmarshal(lines.Bytes(), &item); err != nil {
			return false, fmt.Errorf("read log: %w", err)
		}
		if !f.pass(item) || item.Seal {
			return true, nil
		}
	}
	if err := lines.Err(); err != nil {
		return false, &ConnectionError{URL: f.client.base, Err: err}
	}
	return false, nil
}

// pass yields an item unless it is a heartbeat or was seen before.
func (f *logFollower) pass(item LogItem) (more bool) {
	n, err := strconv.Atoi(item.ID)
	if err != nil || n <= f.last || item.Data == nil || item.Data.Message == "" {
		return true
	}
	f.last = n
	return f.yield(*item.Data, nil)
}
