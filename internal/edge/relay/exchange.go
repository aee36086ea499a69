package relay

import (
	"cmp"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"strings"
	"time"

	"sluice/internal/edge/wire"
	"sluice/internal/platform"
)

// exchange is one request sent to a backend and its response sent back.
type exchange struct {
	*call
	timeout time.Duration // for the header of the response

	up       *conn
	asked    time.Time
	answered bool // something of the response was written to the client
}

// run does everything on a connection, which is kept or closed in the end. An error means
// that nothing was answered; after that it panics with http.ErrAbortHandler.
func (x *exchange) run(u *conn) (err error) {
	x.up = u
	u.in.Begin()
	keep := false
	defer func() {
		if ours := x.job.Detach(); keep && ours {
			u.home.put(u)
		} else {
			u.close()
		}
	}()
	if !x.job.Attach(u) {
		return x.job.Cause()
	}
	if err := x.sendHead(); err != nil {
		return err
	}
	resp, err := x.readHead()
	if err != nil {
		return err
	}
	x.job.Began(resp.Status, time.Since(x.asked))
	if resp.Status == http.StatusSwitchingProtocols {
		return x.switchProtocols(resp)
	}
	x.answered = true
	if err := x.pass(resp); err != nil {
		panic(http.ErrAbortHandler)
	}
	keep = resp.KeepAlive && u.in.Buffered() == 0 && (x.upload == nil || x.upload.sent())
	return nil
}

// sendHead sends the request's head, and starts with its body.
func (x *exchange) sendHead() error {
	u := x.up
	x.asked = time.Now()
	if err := errors.Join(u.expectWithin(x.timeout, x.asked), x.job.Cause()); err != nil {
		return err
	}
	head, err := appendRequest(u.out[:0], x.req, x.job.Header(x.req), x.body != nil)
	u.out = head
	if err != nil {
		return err
	}
	if _, err := u.Write(head); err != nil {
		return err
	}
	if x.body != nil {
		x.upload = x.startUpload(u)
	}
	return nil
}

// readHead reads the response's head, and passes interim ones on.
func (x *exchange) readHead() (wire.Response, error) {
	u := x.up
	for {
		head, err := u.in.Head(maxResponseHeader)
		if err != nil && errors.Is(err, os.ErrDeadlineExceeded) && x.moreTime() {
			continue
		}
		if err != nil {
			return wire.Response{}, err
		}
		resp, err := wire.ParseResponse(head, x.req.Method, u.fields)
		if err != nil {
			return wire.Response{}, err
		}
		u.fields = resp.Fields[:0]
		switch {
		case resp.Status >= http.StatusOK:
			return resp, nil
		case resp.Status == http.StatusSwitchingProtocols:
			return resp, nil
		case resp.Status != http.StatusContinue: // that was answered by the server
			x.interim(resp)
		}
	}
}

// moreTime gives a backend its time from the end of the request's body on: a client may
// send it slowly. It reports false when the time is over.
func (x *exchange) moreTime() bool {
	if x.upload == nil || x.job.Cause() != nil {
		return false
	}
	until := x.upload.due().Add(cmp.Or(x.timeout, platform.DefaultTimeout))
	return time.Now().Before(until) && x.wait(until) == nil
}

// wait moves the deadline of the backend's answer. An end of the visit that comes at the
// same time is not overridden.
func (x *exchange) wait(until time.Time) error {
	if err := x.up.waitUntil(until); err != nil {
		return err
	}
	if x.body != nil && x.body.failed.Load() {
		return ErrBody
	}
	return x.job.Cause()
}

// interim passes on an informational response, such as 103 Early Hints.
func (x *exchange) interim(resp wire.Response) {
	if !x.req.ProtoAtLeast(1, 1) {
		return
	}
	h := x.w.Header()
	before := maps.Clone(h)
	setFields(h, &resp)
	x.w.WriteHeader(resp.Status)
	clear(h)
	maps.Copy(h, before)
}

// pass sends the response to the client.
func (x *exchange) pass(resp wire.Response) error {
	h := x.w.Header()
	setFields(h, &resp)
	x.job.Respond(resp.Status, h)
	x.upload.closing(h, x.req)
	if _, said := h["Content-Type"]; !said {
		h["Content-Type"] = nil // the server would guess
	}
	x.w.WriteHeader(resp.Status)
	rest := resp.Body(&x.up.in)
	// Without a length the application may be talking bit by bit: nothing is held back.
	live := resp.Framing == wire.Chunked || resp.Framing == wire.UntilClose || isEventStream(h)
	if resp.Framing == wire.Length && resp.Length > int64(x.up.in.Buffered()) {
		x.up.in.Bulk()
	}
	if live && !rest.More() {
		x.flush() // the header is news, too
	}
	for !rest.Done() {
		if err := x.piece(&rest, live); err != nil {
			return err
		}
	}
	return x.trailer(h, rest.Trailer)
}

// piece passes on what comes next of the body.
func (x *exchange) piece(rest *wire.Body, live bool) error {
	p, err := rest.Next()
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil && errors.Is(err, os.ErrDeadlineExceeded) && x.job.Cause() == nil:
		return x.wait(time.Time{}) // that was for the header
	case err != nil:
		return err
	}
	if _, err := x.w.Write(p); err != nil {
		return err
	}
	if live && !rest.More() && !rest.Done() {
		x.flush()
	}
	return nil
}

func (x *exchange) flush() { _ = http.NewResponseController(x.w).Flush() }

// trailer sends the fields that came after the body, announced or not, but for those that
// would change what the visitor's client has already read or keeps.
func (x *exchange) trailer(h http.Header, fields []wire.Field) error {
	if len(fields) == 0 {
		return nil
	}
	x.flush() // so that the server sends a body that can have a trailer
	for _, f := range fields {
		if mayTrailResponse(f.Name) {
			h.Add(http.TrailerPrefix+f.Name, f.Value)
		}
	}
	return nil
}

func isEventStream(h http.Header) bool {
	const kind = "text/event-stream"
	ct := h.Get("Content-Type")
	return len(ct) >= len(kind) && strings.EqualFold(ct[:len(kind)], kind)
}
