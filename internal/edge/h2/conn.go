package h2

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Options are what the connections of a server have in common.
type Options struct {
	Handler   http.Handler
	Log       *slog.Logger
	Workers   *Workers
	Now       func() int64  // a clock that may be a second late; nanoseconds
	Date      func() string // the value of the Date field
	MaxHeader int           // bytes of a request's header

	StreamWindow int // bytes of a body that are kept until they are read
	ConnWindow   int // the same of all bodies of a connection

	Greeting time.Duration // until the client has begun to speak HTTP/2
	Idle     time.Duration // without a request; 0 for any time
	Silence  time.Duration // until a silent client is asked whether it is there; 0 for never
	Answer   time.Duration // that it has to say so
	Stall    time.Duration // that a client may take nothing of a response or send nothing of a body
}

// Limits of a connection.
const (
	maxStreams    = 250            // requests at once
	maxQueued     = 4 * maxStreams // requests that wait for those that were given up and still run
	maxControl    = 10_000         // replies that the client has not taken
	maxFrame      = 16 << 10       // of frames that are read: the least that HTTP/2 allows
	tableSize     = 4 << 10        // of the dynamic tables of both directions
	firstWindow   = 64<<10 - 1     // of both directions, until somebody says otherwise
	lingerFor     = 500 * time.Millisecond
	lingerBytes   = 256 << 10
	fieldOverhead = 32 * 10 // what the limit of a header counts beside its bytes
)

// Conn is a connection whose client speaks HTTP/2.
type Conn struct {
	o      *Options
	net    net.Conn
	cork   func(on bool)   // holds back packets that are not full; nil for no such thing
	ctx    context.Context //nolint:containedctx // of all requests
	begin  *http.Request   // what all requests of the connection begin as
	framer *http2.Framer
	in     *bufio.Reader

	heard   atomic.Int64 // when the last frame came
	asked   atomic.Int64 // when the client was asked whether it is there; 0 for answered
	writing atomic.Int64 // since when a write waits for the client; 0 for none
	since   atomic.Int64 // of the beginning, or since when there is no request; 0 while there is
	greeted atomic.Bool

	canonical map[string]string // names of fields as http.Header has them; the reader's

	mu      sync.Mutex
	streams map[uint32]*stream // open, or not answered yet
	newest  uint32             // the highest identifier that the client used
	running int                // handlers
	queue   []*stream          // that wait for a handler
	leaving bool               // no further request is taken
	err     error              // why nothing is written any more
	ended   [16]uint32         // streams that were reset here, the last ones
	resets  int                // how many were

	out      []byte // frames that were not written yet
	control  int    // replies among them
	flushing bool
	flusher  *stream   // that writes in the middle of its response; nil for none
	wrote    sync.Cond // after each write
	waiting  int       // streams that wait for room or for the connection's window
	window   int64     // what the client still takes
	initial  int64     // what it takes of a new stream
	frame    int       // how long a frame may be that it takes
	fields   *hpack.Encoder
	block    bytes.Buffer      // of fields
	lower    map[string]string // names of fields as HTTP/2 has them
	credit   credit            // what it may send
}

// NewConn returns a connection for nc, whose handshake is made. The context is that of all
// its requests, and ends with it. cork may be nil.
func NewConn(ctx context.Context, o *Options, nc net.Conn, state *tls.ConnectionState, cork func(on bool)) *Conn {
	c := &Conn{
		o: o, net: nc, cork: cork, ctx: ctx,
		in: bufio.NewReader(nc), canonical: map[string]string{}, lower: map[string]string{},
		streams: map[uint32]*stream{}, window: firstWindow, initial: firstWindow, frame: maxFrame,
		credit: credit{left: firstWindow, size: o.ConnWindow},
	}
	c.begin = (&http.Request{Proto: "HTTP/2.0", ProtoMajor: 2, RemoteAddr: nc.RemoteAddr().String(), TLS: state}).WithContext(ctx)
	c.framer = http2.NewFramer(io.Discard, c.in)
	c.framer.SetMaxReadFrameSize(maxFrame)
	c.framer.ReadMetaHeaders = hpack.NewDecoder(tableSize, nil)
	c.framer.MaxHeaderListSize = uint32(o.MaxHeader + fieldOverhead) //nolint:gosec // a constant of the program
	c.framer.SetReuseFrames()
	c.fields = hpack.NewEncoder(&c.block)
	c.fields.SetMaxDynamicTableSizeLimit(tableSize)
	c.wrote.L = &c.mu
	c.since.Store(o.Now())
	c.heard.Store(o.Now())
	return c
}

// Serve answers requests until the connection ends. The connection is closed then, and all
// handlers were told, though some may still run.
func (c *Conn) Serve() {
	err := c.serve()
	c.mu.Lock()
	if code, ours := errorCode(err); ours {
		c.leaving = true
		c.appendGoAway(c.newest, code)
		c.kick()
	}
	for id, st := range c.streams {
		delete(c.streams, id)
		st.fail(errClientLeft)
	}
	c.queue = nil
	c.mu.Unlock()
	if _, ours := errorCode(err); ours {
		c.linger()
	}
	c.mu.Lock()
	c.fail(net.ErrClosed)
	c.mu.Unlock()
	_ = c.net.Close()
}

// linger lets the client read why the connection ends: what it still sends would make the
// system forget that.
func (c *Conn) linger() {
	_ = c.net.SetWriteDeadline(time.Now().Add(lingerFor))
	_ = c.net.SetReadDeadline(time.Now().Add(lingerFor))
	c.mu.Lock()
	for c.flushing && c.err == nil {
		c.wrote.Wait()
	}
	c.mu.Unlock()
	if half, ok := c.net.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_, _ = io.CopyN(io.Discard, c.in, lingerBytes)
}

// Why requests end.
var (
	errClientLeft = errors.New("the client closed the connection")
	errReset      = errors.New("the client gave up the request")
	errAnswered   = errors.New("the request is answered")
)

// errorCode returns what a client is told that breaks the protocol. It reports false for
// one that left.
func errorCode(err error) (http2.ErrCode, bool) {
	if code, ok := errors.AsType[http2.ConnectionError](err); ok {
		return http2.ErrCode(code), true
	}
	if errors.Is(err, http2.ErrFrameTooLarge) {
		return http2.ErrCodeFrameSize, true
	}
	return 0, errors.Is(err, errIdle)
}

// errIdle ends a connection that had no request for long, or that is shut down.
var errIdle = errors.New("the connection is not used any more")

func (c *Conn) serve() error {
	preface := make([]byte, len(http2.ClientPreface))
	if !adequate(c.begin.TLS) {
		return http2.ConnectionError(http2.ErrCodeInadequateSecurity)
	}
	c.greet()
	if _, err := io.ReadFull(c.in, preface); err != nil {
		return err
	}
	if string(preface) != http2.ClientPreface {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	for first := true; ; first = false {
		f, err := c.framer.ReadFrame()
		c.heard.Store(c.o.Now())
		if reset, ok := errors.AsType[http2.StreamError](err); ok {
			f, err = nil, c.unread(reset)
		}
		if err != nil {
			return c.why(err)
		}
		if _, settings := f.(*http2.SettingsFrame); first && !settings {
			return http2.ConnectionError(http2.ErrCodeProtocol)
		}
		if err := c.take(f); err != nil {
			return c.why(err)
		}
		c.greeted.Store(true)
	}
}

// adequate reports whether the connection is encrypted as HTTP/2 demands (RFC 9113 9.2).
func adequate(state *tls.ConnectionState) bool {
	if state == nil || state.Version >= tls.VersionTLS13 {
		return true
	}
	suite := tls.CipherSuiteName(state.CipherSuite)
	return state.Version == tls.VersionTLS12 && strings.HasPrefix(suite, "TLS_ECDHE_") &&
		(strings.Contains(suite, "_GCM_") || strings.Contains(suite, "_CHACHA20_"))
}

// why replaces the error of a read that was made to end.
func (c *Conn) why(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leaving && errors.Is(err, errDeadline) {
		return errIdle
	}
	return err
}

// greet says what the client may send.
func (c *Conn) greet() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.appendSettings(
		http2.Setting{ID: http2.SettingMaxFrameSize, Val: maxFrame},
		http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: maxStreams},
		http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: c.framer.MaxHeaderListSize},
		http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(c.o.StreamWindow)}, //nolint:gosec // a constant of the program
	)
	if more := c.o.ConnWindow - firstWindow; more > 0 {
		c.credit.left += more
		c.appendWindowUpdate(0, more)
	}
	c.kick()
}

// fail ends everything that is written. The lock is held.
func (c *Conn) fail(err error) {
	if c.err != nil {
		return
	}
	c.err = err
	for _, st := range c.streams {
		st.fail(err)
	}
}

// Leave tells the client to make its next requests on another connection, and ends the
// connection when the requests that it made are answered.
func (c *Conn) Leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leave()
}

func (c *Conn) leave() {
	if c.leaving {
		return
	}
	c.leaving = true
	c.appendGoAway(c.newest, http2.ErrCodeNo)
	c.kick()
}

// Check keeps the limits of time. It is called about once a second.
func (c *Conn) Check(now int64) {
	over := func(since int64, limit time.Duration) bool {
		return since != 0 && limit > 0 && time.Duration(now-since) > limit
	}
	asked := c.asked.Load()
	switch {
	case over(c.writing.Load(), c.o.Stall), over(asked, c.o.Answer), !c.greeted.Load() && over(c.since.Load(), c.o.Greeting):
		_ = c.net.Close()
		return
	case asked == 0 && over(c.heard.Load(), c.o.Silence):
		c.asked.Store(now)
		c.ask()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	since := c.since.Load()
	switch {
	case c.leaving && len(c.streams) == 0 && over(since, time.Nanosecond):
		_ = c.net.SetReadDeadline(time.Unix(1, 0)) // Serve ends
	case over(since, c.o.Idle):
		c.leave()
	}
	for _, st := range c.streams {
		if over(st.sendingSince, c.o.Stall) {
			c.reset(st, http2.ErrCodeCancel, errDeadline)
		} else if over(st.readingSince, c.o.Stall) {
			st.failBody(errDeadline)
		}
	}
}

// ask asks a silent client whether it is there.
func (c *Conn) ask() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.appendPing(false, [8]byte{'s', 'l', 'u', 'i', 'c', 'e'})
	c.kick()
}

// Waits reports whether a handler waits for the client.
func (c *Conn) Waits() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, st := range c.streams {
		if st.sendingSince != 0 || st.readingSince != 0 {
			return true
		}
	}
	return c.writing.Load() != 0
}
