package edge

import (
	"cmp"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"time"

	"sluice/internal/edge/wire"
	"sluice/internal/platform"
)

// exchange is one request sent to a backend and its response sent back.
type exchange struct {
	relay *relay
	w     http.ResponseWriter
	req   *http.Request
	visit *visit

	up       *backendConn
	asked    time.Time
	upload   *upload // nil for a request without a body
	answered bool    // something of the response was written to the client
}

// run does everything on a connection, which is kept or closed in the end. An error means
// that nothing was answered; after that it panics with http.ErrAbortHandler.
func (x *exchange) run(u *backendConn) (err error) {
	x.up = u
	u.in.Begin()
	keep := false
	defer func() {
		if ours := x.visit.detach(); keep && ours {
			u.home.put(u)
		} else {
			u.close()
		}
	}()
	if !x.visit.attach(u) {
		return x.visit.cause()
	}
	if err := x.ask(); err != nil {
		return err
	}
	resp, err := x.answer()
	if err != nil {
		return err
	}
	if x.visit.chronicle != nil {
		x.visit.chronicle.answeredBy(answered{resp.Status, time.Since(x.asked)})
	}
	if x.visit.paced != nil {
		x.visit.gate.answered(x.visit, resp.Status)
	}
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

// ask sends the request's head, and starts with its body.
func (x *exchange) ask() error {
	u := x.up
	x.asked = time.Now()
	if err := errors.Join(u.expectWithin(x.visit.route.Timeout, x.asked), x.visit.cause()); err != nil {
		return err
	}
	head, err := x.relay.clients.appendRequest(u.out[:0], x.req, x.visit)
	u.out = head
	if err != nil {
		return err
	}
	if _, err := u.conn.Write(head); err != nil {
		return err
	}
	if x.visit.body != nil {
		x.upload = startUpload(x.w, u, x.visit.body, x.req)
		x.visit.upload = x.upload
	}
	return nil
}

// answer reads the response's head, and passes interim ones on.
func (x *exchange) answer() (wire.Response, error) {
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
	if x.upload == nil || x.visit.cause() != nil {
		return false
	}
	until := x.upload.due().Add(cmp.Or(x.visit.route.Timeout, platform.DefaultTimeout))
	return time.Now().Before(until) && x.wait(until) == nil
}

// wait moves the deadline of the backend's answer. An end of the visit that comes at the
// same time is not overridden.
func (x *exchange) wait(until time.Time) error {
	if err := x.up.waitUntil(until); err != nil {
		return err
	}
	if x.visit.body != nil && x.visit.body.failed.Load() {
		return errBodyFailed
	}
	return x.visit.cause()
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
	x.visit.decorate(resp.Status, h)
	x.upload.closing(h, x.req)
	if _, said := h["Content-Type"]; !said {
		h["Content-Type"] = nil // the server would guess
	}
	x.w.WriteHeader(resp.Status)
	body := resp.Body(&x.up.in)
	// Without a length the application may be talking bit by bit: nothing is held back.
	live := resp.Framing == wire.Chunked || resp.Framing == wire.UntilClose || x.visit.long
	if resp.Framing == wire.Length && resp.Length > int64(x.up.in.Buffered()) {
		x.up.in.Bulk()
	}
	if live && !body.More() {
		x.flush() // the header is news, too
	}
	for !body.Done() {
		if err := x.piece(&body, live); err != nil {
			return err
		}
	}
	return x.trailer(h, body.Trailer)
}

// piece passes on what comes next of the body.
func (x *exchange) piece(body *wire.Body, live bool) error {
	p, err := body.Next()
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil && errors.Is(err, os.ErrDeadlineExceeded) && x.visit.cause() == nil:
		return x.wait(time.Time{}) // that was for the header
	case err != nil:
		return err
	}
	if _, err := x.w.Write(p); err != nil {
		return err
	}
	if live && !body.More() && !body.Done() {
		x.flush()
	}
	return nil
}

func (x *exchange) flush() { _ = http.NewResponseController(x.w).Flush() }

// trailer sends the fields that came after the body, announced or not.
func (x *exchange) trailer(h http.Header, fields []wire.Field) error {
	if len(fields) == 0 {
		return nil
	}
	x.flush() // so that the server sends a body that can have a trailer
	for _, f := range fields {
		if !hopByHop(f.Name) && f.Name != "Content-Length" {
			h.Add(http.TrailerPrefix+f.Name, f.Value)
		}
	}
	return nil
}
