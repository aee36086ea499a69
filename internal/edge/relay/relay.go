package relay

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"sluice/internal/edge/front"
)

// Ticket ends a request from outside: cut by its gate, or left by its client.
type Ticket interface {
	// Cancel ends the request; the first cause stays.
	Cancel(cause error)
	// Cause returns why the request ended, nil while it goes on.
	Cause() error
	// Attach has a aborted when the request ends, until Detach. It reports false when the
	// request has ended already.
	Attach(a interface{ Abort() }) bool
	// Detach reports whether the request still goes on.
	Detach() bool
}

// Job is a request that was admitted to an application.
type Job interface {
	Ticket
	// Target returns where the request goes now.
	Target() Target
	// Header returns the header that the application gets. Fields of the connection and of
	// the body's framing in it are ignored.
	Header(req *http.Request) http.Header
	// Respond makes the application's header the visitor's. It is called once, before
	// anything is written.
	Respond(status int, h http.Header)
	// Began is told what the application answered, and how long it took to begin.
	Began(status int, took time.Duration)
	// Retry is called before a request is sent again that no connection could be made for.
	// It reports whether the release that it goes to is another one by now.
	Retry(req *http.Request) (changed bool, err error)
	// Fail answers a request that no backend answered.
	Fail(w http.ResponseWriter, req *http.Request, err error)
}

// Target is an application of a release.
type Target struct {
	Pool        *Pool
	Application string
	Timeout     time.Duration // for the header of its response; 0 for platform.DefaultTimeout
}

// Why a backend did not answer, beside errors of the network and of package wire.
var (
	// ErrNoBackend says that a release has no instance of the application.
	ErrNoBackend = errors.New("the application has no backend")
	// ErrBody says that the client did not send the whole body.
	ErrBody = errors.New("the request's body broke off")
	// ErrUpgradeName says that the name of the protocol to upgrade to is malformed.
	ErrUpgradeName = errors.New("the name of the protocol to upgrade to is malformed")

	errFinished = errors.New("the request is answered")
)

// A request that no connection could be made for is tried again: the backend may be the
// one that was just replaced. Nothing of the request was sent, so this is always safe.
const maxTries = 4

// retryPause is the wait before the given try, to a backend that did not accept.
func retryPause(try int) time.Duration { return 25 * time.Millisecond << (2 * (try - 1)) }

// call is one request under way.
type call struct {
	w        http.ResponseWriter
	req      *http.Request
	job      Job
	body     *body       // nil for a request without one
	upload   *upload     // of body, once it is under way
	unfollow func() bool // of a client that net/http watches
	leaving  atomic.Pointer[time.Timer]
	panicked atomic.Pointer[any] // of a goroutine of the request
}

// catch is deferred in goroutines of the request, in which a panic would end the process.
// Serve panics with it in the end: the server ends this request only.
func (c *call) catch(abort func()) {
	if problem := recover(); problem != nil {
		c.panicked.Store(&problem)
		abort()
	}
}

func (c *call) rethrow() {
	if problem := c.panicked.Load(); problem != nil {
		panic(*problem)
	}
}

// leaveGrace is how long a client of net/http may have closed its side until it counts as
// one that left. package front looks once a second: a response that comes at once is
// delivered in both cases.
const leaveGrace = time.Second

// Serve answers the request. It panics with http.ErrAbortHandler when the response broke
// off, so that the server does not make it look complete.
func Serve(w http.ResponseWriter, req *http.Request, job Job) {
	c := &call{w: w, req: req, job: job}
	if req.Body != nil && req.Body != http.NoBody {
		c.body = &body{ReadCloser: req.Body}
	}
	c.follow()
	defer c.stopFollowing()
	defer c.body.finish()
	defer c.rethrow()
	defer func() { c.upload.stop(w) }() // after the response, for the server sees a client that left in it
	var failure error
	for try := range maxTries {
		if try > 0 {
			if err := c.again(try); err != nil {
				c.fail(err, failure)
				return
			}
		}
		err := c.send()
		if err == nil {
			return
		}
		if _, dial := errors.AsType[*dialError](err); !dial || (c.body != nil && c.body.touched.Load()) {
			c.fail(err, nil)
			return
		}
		failure = err
	}
	c.fail(failure, nil)
}

// send makes one exchange with one instance. An error means that nothing was answered.
func (c *call) send() error {
	to := c.job.Target()
	target := to.Pool.next(to.Application)
	if target == nil {
		return ErrNoBackend
	}
	x := exchange{call: c, timeout: to.Timeout}
	if c.repeatable() {
		if u := target.take(); u != nil {
			err := x.run(u)
			if err == nil || u.in.Got() || c.job.Cause() != nil || IsTimeout(err) {
				return err
			}
			// The backend closed it in the same moment, without a word: once more, on a new one.
		}
	}
	u, err := c.connect(to.Pool, target)
	if err != nil {
		return err
	}
	return x.run(u)
}

// repeatable reports whether the request may be sent once more when an idle connection
// turns out closed. The others get a connection of their own: an idle one that the
// backend is just closing would be a failure that must not be repeated.
func (c *call) repeatable() bool { return Safe(c.req.Method) && c.body == nil }

// Safe reports whether a request may be sent again by a program that knows nothing of what
// became of the first (RFC 9110 9.2.1).
func Safe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// connect opens a connection, unless the request ends meanwhile.
func (c *call) connect(pool *Pool, target *instance) (*conn, error) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(c.req.Context())) // Abort ends it
	defer cancel(errFinished)
	if !c.job.Attach(canceler{cancel}) {
		return nil, c.job.Cause()
	}
	defer c.job.Detach()
	return pool.connect(ctx, target)
}

// canceler ends a dial.
type canceler struct{ cancel context.CancelCauseFunc }

// Abort ends it.
func (c canceler) Abort() { c.cancel(errFinished) }

// again goes through the gate once more, and pauses before a backend that just refused
// when there is no other.
func (c *call) again(try int) error {
	changed, err := c.job.Retry(c.req)
	if err != nil || changed {
		return err
	}
	to := c.job.Target()
	if try < to.Pool.size(to.Application) {
		return nil
	}
	pause := time.NewTimer(retryPause(try))
	defer pause.Stop()
	<-pause.C // at most 0.4 s
	return c.job.Cause()
}

// fail has the request answered without a backend. Why it ended is more than what failed
// because of that.
func (c *call) fail(err, before error) {
	switch cause := c.job.Cause(); {
	case cause != nil:
		err = cause
	case c.body != nil && c.body.failed.Load():
		err = ErrBody
	default:
		err = errors.Join(err, before)
	}
	c.upload.closing(c.w.Header(), c.req)
	c.job.Fail(c.w, c.req, err)
}

// IsTimeout reports whether an error says that something took too long.
func IsTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// Leave ends the request because its client has left.
func (c *call) Leave(cause error) { c.job.Cancel(cause) }

// follow ends the request when the client's context does, until stopFollowing is called.
func (c *call) follow() {
	ctx := c.req.Context()
	if !front.Watch(ctx, c) {
		c.unfollow = context.AfterFunc(ctx, func() {
			if c.req.ProtoMajor >= 2 {
				c.job.Cancel(context.Cause(ctx)) // it said so
				return
			}
			c.leaving.Store(time.AfterFunc(leaveGrace, func() { c.job.Cancel(context.Cause(ctx)) }))
		})
	}
}

func (c *call) stopFollowing() {
	if !c.unfollowed() {
		front.Watch(c.req.Context(), nil)
	}
}

// unfollowed ends following a client that net/http watches, and reports false for another.
func (c *call) unfollowed() bool {
	if c.unfollow == nil {
		return false
	}
	c.unfollow()
	if t := c.leaving.Load(); t != nil {
		t.Stop()
	}
	return true
}
