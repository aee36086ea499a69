package h2

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// peer is a client that speaks frames.
type peer struct {
	t      *testing.T
	conn   net.Conn
	framer *http2.Framer
	fields *hpack.Encoder
	block  bytes.Buffer
	served *Conn
	ended  chan struct{} // Serve returned
	now    *atomic.Int64
}

// connected returns a client of a handler, past both prefaces.
func connected(t *testing.T, h http.HandlerFunc, settings ...http2.Setting) *peer {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	client, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{t: t, conn: client, ended: make(chan struct{}), now: &atomic.Int64{}}
	p.now.Store(time.Now().UnixNano())
	p.framer = http2.NewFramer(client, client)
	p.framer.ReadMetaHeaders = hpack.NewDecoder(tableSize, nil)
	p.fields = hpack.NewEncoder(&p.block)
	p.served = serve(t, h, server, p.now, p.ended)
	t.Cleanup(func() {
		_ = client.Close()
		<-p.ended
	})
	p.must(io.WriteString(client, http2.ClientPreface))
	p.check(p.framer.WriteSettings(settings...))
	return p
}

// serve answers the requests of a connection.
func serve(t *testing.T, h http.HandlerFunc, server net.Conn, now *atomic.Int64, ended chan struct{}) *Conn {
	t.Helper()
	o := &Options{
		Handler: h, Log: slog.New(slog.DiscardHandler), Workers: &Workers{}, Now: now.Load,
		Date: func() string { return "Tue, 01 Dec 2026 00:00:00 GMT" }, MaxHeader: 64 << 10,
		StreamWindow: 64 << 10, ConnWindow: 128 << 10,
		Greeting: 10 * time.Second, Idle: 75 * time.Second, Silence: 30 * time.Second, Answer: 15 * time.Second, Stall: time.Minute,
	}
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(t.Context()))
	c := NewConn(ctx, o, server, nil, nil)
	go func() {
		defer close(ended)
		c.Serve()
		cancel(errClientLeft)
		o.Workers.End()
	}()
	return c
}

func (p *peer) check(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) must(_ int, err error) {
	p.t.Helper()
	p.check(err)
}

// ask sends a request's header: pairs of names and values behind the usual ones.
func (p *peer) ask(stream uint32, end bool, more ...string) {
	p.t.Helper()
	list := []string{":method", "GET", ":scheme", "https", ":authority", "shop.test", ":path", "/"}
	if len(more) > 0 && strings.HasPrefix(more[0], ":") {
		list = nil
	}
	list = append(list, more...)
	p.block.Reset()
	for i := 0; i < len(list); i += 2 {
		p.check(p.fields.WriteField(hpack.HeaderField{Name: list[i], Value: list[i+1]}))
	}
	p.check(p.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: p.block.Bytes(), EndHeaders: true, EndStream: end}))
}

// next returns the next frame that is neither a setting nor a window's, as a word or two.
func (p *peer) next() string {
	p.t.Helper()
	for {
		f, err := p.framer.ReadFrame()
		if err != nil {
			return "end"
		}
		id := strconv.FormatUint(uint64(f.Header().StreamID), 10)
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			return "header " + id + " " + f.PseudoValue("status") + ended(f.StreamEnded())
		case *http2.DataFrame:
			return "data " + id + " " + strconv.Itoa(len(f.Data())) + ended(f.StreamEnded())
		case *http2.RSTStreamFrame:
			return "reset " + id + " " + f.ErrCode.String()
		case *http2.GoAwayFrame:
			return "goaway " + f.ErrCode.String()
		case *http2.PingFrame:
			return "ping"
		}
	}
}

func ended(end bool) string {
	if end {
		return " end"
	}
	return ""
}

// expect reads frames and compares them.
func (p *peer) expect(want ...string) {
	p.t.Helper()
	for _, w := range want {
		if got := p.next(); got != w {
			p.t.Fatalf("got %q, want %q", got, w)
		}
	}
}

// until reads frames up to a certain one.
func (p *peer) until(want string) {
	p.t.Helper()
	for got := p.next(); got != want; got = p.next() {
		if got == "end" {
			p.t.Fatalf("the connection ended without %q", want)
		}
	}
}

// eventually waits for a condition that another goroutine makes true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}

func say(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

func TestResponses(t *testing.T) {
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		want    []string
	}{
		"nothing":       {func(http.ResponseWriter, *http.Request) {}, []string{"header 1 200 end"}},
		"a short body":  {say("hello"), []string{"header 1 200", "data 1 5 end"}},
		"no content":    {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, []string{"header 1 204 end"}},
		"a long body":   {say(strings.Repeat("x", 20_000)), []string{"header 1 200", "data 1 16384", "data 1 3616", "data 1 0 end"}},
		"early hints":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusEarlyHints) }, []string{"header 1 103", "header 1 200 end"}},
		"a panic":       {func(http.ResponseWriter, *http.Request) { panic("fault") }, []string{"reset 1 INTERNAL_ERROR"}},
		"one that ends": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, []string{"reset 1 INTERNAL_ERROR"}},
		"less than it said": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5")
			_, _ = io.WriteString(w, "he")
		}, []string{"header 1 200", "data 1 2", "reset 1 INTERNAL_ERROR"}},
		"as long as it said": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5")
			_, _ = io.WriteString(w, "hello")
		}, []string{"header 1 200", "data 1 5 end"}},
		"bit by bit": {func(w http.ResponseWriter, _ *http.Request) {
			for range 2 {
				_, _ = io.WriteString(w, "hello")
				_ = http.NewResponseController(w).Flush()
			}
		}, []string{"header 1 200", "data 1 5", "data 1 5", "data 1 0 end"}},
		"a trailer": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "X-Sum")
			_, _ = io.WriteString(w, "hello")
			w.Header().Set("X-Sum", "1")
		}, []string{"header 1 200", "data 1 5", "header 1  end"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := connected(t, tt.handler)
			p.ask(1, true)
			p.expect(tt.want...)
		})
	}
}

// TestHeadersTooLargeForAFrame: of a response.
func TestHeadersTooLargeForAFrame(t *testing.T) {
	p := connected(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Large", strings.Repeat("ö", 30_000)) })
	p.ask(1, true)
	p.expect("header 1 200 end")
}

func TestMalformedRequestsEndTheirStreamOnly(t *testing.T) {
	asked := make(chan string, 100)
	p := connected(t, func(_ http.ResponseWriter, req *http.Request) { asked <- req.RequestURI })
	usual := []string{":method", "GET", ":scheme", "https", ":authority", "shop.test", ":path", "/bad"}
	with := func(more ...string) []string { return append(append([]string{}, usual...), more...) }
	for i, list := range [][]string{
		{":method", "GET", ":scheme", "https", ":authority", "shop.test"},
		{":method", "GET", ":path", "/bad", ":authority", "shop.test"},
		{":method", "GET", ":scheme", "ftp", ":path", "/bad", ":authority", "shop.test"},
		{":scheme", "https", ":path", "/bad", ":authority", "shop.test"},
		{":method", "GET", ":method", "GET", ":scheme", "https", ":path", "/bad"},
		{":method", "GET", ":scheme", "https", ":path", "bad path%zz", ":authority", "shop.test"},
		{":method", "GET", ":scheme", "https", ":path", "http://other.test/bad", ":authority", "shop.test"},
		{":method", "CONNECT", ":scheme", "https", ":path", "/bad", ":authority", "shop.test"},
		{":method", "CONNECT"},
		with(":protocol", "websocket"),
		with("connection", "close"),
		with("transfer-encoding", "chunked"),
		with("upgrade", "h2c"),
		with("te", "gzip"),
		with("Upper", "case"),
		with("a b", "c"),
		with("a", "b\r\nc: d"),
		with("a", "b", ":path", "/again"),
	} {
		p.ask(uint32(2*i+1), true, list...)
		p.expect("reset " + strconv.Itoa(2*i+1) + " PROTOCOL_ERROR")
	}
	p.ask(1001, true)
	p.expect("header 1001 200 end")
	if got := <-asked; got != "/" || len(asked) > 0 {
		t.Errorf("a handler was asked for %q", got)
	}
}

func TestFaultsOfAConnectionEndIt(t *testing.T) {
	for name, tt := range map[string]struct {
		send func(p *peer)
		want string
	}{
		"data without a request":    {func(p *peer) { p.check(p.framer.WriteData(1, true, nil)) }, "goaway PROTOCOL_ERROR"},
		"a reset without a request": {func(p *peer) { p.check(p.framer.WriteRSTStream(1, 0)) }, "goaway PROTOCOL_ERROR"},
		"an even stream":            {func(p *peer) { p.ask(2, true) }, "goaway PROTOCOL_ERROR"},
		"a stream twice":            {func(p *peer) { p.ask(3, true); p.until("header 3 200 end"); p.ask(1, true) }, "goaway PROTOCOL_ERROR"},
		"a window too large":        {func(p *peer) { p.check(p.framer.WriteWindowUpdate(0, maxWindow)) }, "goaway FLOW_CONTROL_ERROR"},
		"a frame too large": {func(p *peer) {
			p.ask(1, false)
			p.check(p.framer.WriteData(1, true, make([]byte, maxFrame+1)))
		}, "goaway FRAME_SIZE_ERROR"},
		"settings that cannot be": {func(p *peer) {
			p.check(p.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 31}))
		}, "goaway FLOW_CONTROL_ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			p := connected(t, func(http.ResponseWriter, *http.Request) {})
			tt.send(p)
			p.until(tt.want)
		})
	}
}

// TestRepliesThatNobodyReadsAreBounded: a client that pings and takes no answer.
func TestRepliesThatNobodyReadsAreBounded(t *testing.T) {
	p := connected(t, func(http.ResponseWriter, *http.Request) {})
	p.served.mu.Lock()
	p.served.flushing = true // nothing is written
	p.served.mu.Unlock()
	go func() {
		for p.framer.WritePing(false, [8]byte{}) == nil { //nolint:revive // until the connection ends
		}
	}()
	eventually(t, "it is too much", func() bool {
		p.served.mu.Lock()
		defer p.served.mu.Unlock()
		return p.served.leaving
	})
	p.served.mu.Lock()
	p.served.flushing = false
	p.served.kick()
	p.served.mu.Unlock()
	for p.next() != "end" { //nolint:revive // why may be lost among what was not read
	}
	<-p.ended
}

// TestNothingIsSentPastTheWindows, and all of it when they open.
func TestNothingIsSentPastTheWindows(t *testing.T) {
	p := connected(t, say(strings.Repeat("x", 100_000)), http2.Setting{ID: http2.SettingInitialWindowSize, Val: 10})
	p.ask(1, true)
	p.expect("header 1 200", "data 1 10")
	p.check(p.framer.WriteWindowUpdate(1, 5))
	p.expect("data 1 5")
	p.check(p.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 110}))
	p.expect("data 1 100")
	p.check(p.framer.WriteWindowUpdate(1, 1<<20)) // now the connection's is what is left
	left := 64<<10 - 1 - 115
	for left > 0 {
		f := strings.Fields(p.next())
		n, err := strconv.Atoi(f[2])
		if f[0] != "data" || err != nil {
			t.Fatal(f)
		}
		left -= n
	}
	if left != 0 {
		t.Errorf("%d bytes past the window", -left)
	}
	p.check(p.framer.WriteWindowUpdate(0, 1<<20))
	p.until("data 1 0 end")
}

// TestUnreadBodiesCostTheirWindowOnly: the connection's credit comes back when nobody wants
// the rest, however often.
func TestUnreadBodiesCostTheirWindowOnly(t *testing.T) {
	p := connected(t, func(http.ResponseWriter, *http.Request) {})
	for n := range 40 {
		id := uint32(2*n + 1)
		p.ask(id, false)
		p.check(p.framer.WriteData(id, false, make([]byte, 10_000)))
		p.until("reset " + strconv.Itoa(int(id)) + " NO_ERROR")
	}
	p.served.mu.Lock()
	defer p.served.mu.Unlock()
	if got := p.served.credit.left + p.served.credit.unsaid; got < 128<<10-10_000 {
		t.Errorf("the client may send %d bytes", got)
	}
}

// TestBodies: what arrives is what was sent, with a trailer, through windows smaller than it.
func TestBodies(t *testing.T) {
	type seen struct {
		body    string
		trailer http.Header
		err     error
		length  int64
	}
	got := make(chan seen, 1)
	p := connected(t, func(_ http.ResponseWriter, req *http.Request) {
		b, err := io.ReadAll(req.Body)
		got <- seen{string(b), req.Trailer, err, req.ContentLength}
	})
	p.ask(1, false, ":method", "POST", ":scheme", "https", ":authority", "shop.test", ":path", "/", "trailer", "X-Sum")
	for range 300 {
		p.check(p.framer.WriteDataPadded(1, false, []byte(strings.Repeat("x", 100)), make([]byte, 20)))
	}
	p.block.Reset()
	p.check(p.fields.WriteField(hpack.HeaderField{Name: "x-sum", Value: "1"}))
	p.check(p.fields.WriteField(hpack.HeaderField{Name: "x-other", Value: "1"}))
	p.check(p.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.block.Bytes(), EndHeaders: true, EndStream: true}))
	p.expect("header 1 200 end")
	if s := <-got; s.body != strings.Repeat("x", 30_000) || s.err != nil || s.length != -1 || s.trailer.Get("X-Sum") != "1" || len(s.trailer) != 1 {
		t.Errorf("%d bytes, %v, length %d, trailer %v", len(s.body), s.err, s.length, s.trailer)
	}
	p.ask(3, false, "content-length", "5")
	p.check(p.framer.WriteData(3, true, []byte("four")))
	p.expect("reset 3 PROTOCOL_ERROR")
	if s := <-got; s.err == nil || s.length != 5 {
		t.Errorf("a body that is too short: %+v", s)
	}
}

// TestExpectedBodiesAreAskedFor when somebody reads them, and not before.
func TestExpectedBodiesAreAskedFor(t *testing.T) {
	p := connected(t, func(_ http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/read" {
			_, _ = io.ReadAll(req.Body)
		}
	})
	p.ask(1, false, "expect", "100-continue")
	p.expect("header 1 200 end", "reset 1 NO_ERROR")
	p.ask(3, false, ":method", "POST", ":scheme", "https", ":authority", "shop.test", ":path", "/read", "expect", "100-continue")
	p.expect("header 3 100")
	p.check(p.framer.WriteData(3, true, []byte("body")))
	p.expect("header 3 200 end")
}

// TestRequestsThatAreGivenUpAreBounded: handlers that do not end, of requests that were
// reset at once.
func TestRequestsThatAreGivenUpAreBounded(t *testing.T) {
	var running, most atomic.Int64
	over := make(chan struct{})
	p := connected(t, func(http.ResponseWriter, *http.Request) {
		most.Store(max(most.Load(), running.Add(1)))
		<-over
		running.Add(-1)
	})
	t.Cleanup(func() { close(over) })
	go func() {
		for n := range uint32(10_000) {
			p.block.Reset()
			for _, f := range []string{":method", ":scheme", ":authority", ":path"} {
				v := map[string]string{":method": "GET", ":scheme": "https", ":authority": "a", ":path": "/"}[f]
				_ = p.fields.WriteField(hpack.HeaderField{Name: f, Value: v})
			}
			err := p.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*n + 1, BlockFragment: p.block.Bytes(), EndHeaders: true, EndStream: true})
			if err = errors.Join(err, p.framer.WriteRSTStream(2*n+1, http2.ErrCodeCancel)); err != nil {
				return
			}
		}
	}()
	p.until("goaway ENHANCE_YOUR_CALM")
	if most.Load() > maxStreams {
		t.Errorf("%d handlers ran at once", most.Load())
	}
}

func TestRequestsAtOnceAreLimited(t *testing.T) {
	over := make(chan struct{})
	p := connected(t, func(http.ResponseWriter, *http.Request) { <-over })
	for n := range uint32(maxStreams) {
		p.ask(2*n+1, true)
	}
	p.ask(2*maxStreams+1, true)
	p.expect("reset " + strconv.Itoa(2*maxStreams+1) + " REFUSED_STREAM")
	close(over)
	for range maxStreams {
		if got := p.next(); !strings.HasSuffix(got, " 200 end") {
			t.Fatal(got)
		}
	}
}

// leaver is told by Watch.
type leaver chan error

func (l leaver) Leave(cause error) { l <- cause }

func TestWhoGivesUpIsNoticed(t *testing.T) {
	told, begun, contexts := make(leaver, 1), make(chan struct{}), make(chan error, 1)
	p := connected(t, func(_ http.ResponseWriter, req *http.Request) {
		if w, ok := req.Context().(Watcher); !ok || !w.Watch(told) {
			t.Error("cannot be watched")
		}
		close(begun)
		<-req.Context().Done()
		contexts <- context.Cause(req.Context())
	})
	p.ask(1, true)
	<-begun
	p.check(p.framer.WriteRSTStream(1, http2.ErrCodeCancel))
	if err := <-told; !errors.Is(err, errReset) {
		t.Error(err)
	}
	if err := <-contexts; !errors.Is(err, errReset) {
		t.Error(err)
	}
}

// TestLeave: what was asked is answered, what comes later is not, and then it ends.
func TestLeave(t *testing.T) {
	over, begun := make(chan struct{}), make(chan struct{}, 2)
	p := connected(t, func(http.ResponseWriter, *http.Request) { begun <- struct{}{}; <-over })
	p.ask(1, true)
	<-begun
	p.served.Leave()
	p.expect("goaway NO_ERROR")
	p.ask(3, true)
	p.check(p.framer.WritePing(false, [8]byte{}))
	p.expect("ping")
	close(over)
	p.expect("header 1 200 end")
	eventually(t, "the request is forgotten", func() bool { return p.served.since.Load() != 0 })
	p.served.Check(p.now.Load() + int64(time.Second))
	p.until("end")
	if len(begun) > 0 {
		t.Error("the later request was answered")
	}
}

func TestLimitsOfTime(t *testing.T) {
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		test    func(p *peer, later func(time.Duration))
	}{
		"idle": {test: func(p *peer, later func(time.Duration)) {
			later(74 * time.Second)
			p.expect("ping")
			later(76 * time.Second)
			p.expect("goaway NO_ERROR")
			later(77 * time.Second)
			p.until("end")
		}},
		"silent": {test: func(p *peer, later func(time.Duration)) {
			later(29 * time.Second)
			later(31 * time.Second)
			p.expect("ping")
			later(45 * time.Second)
			later(47 * time.Second)
			p.expect("end")
		}},
		"not reading": {say(strings.Repeat("x", 1<<20)), func(p *peer, later func(time.Duration)) {
			p.ask(1, true)
			eventually(p.t, "the handler waits", p.served.Waits)
			later(61 * time.Second)
			p.until("reset 1 CANCEL")
		}},
		"not sending": {func(w http.ResponseWriter, req *http.Request) {
			if _, err := io.ReadAll(req.Body); !errors.Is(err, errDeadline) {
				t.Error(err)
			}
			w.WriteHeader(http.StatusRequestTimeout)
		}, func(p *peer, later func(time.Duration)) {
			p.ask(1, false)
			eventually(p.t, "the handler waits", p.served.Waits)
			later(61 * time.Second)
			p.until("header 1 408 end")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			p := connected(t, tt.handler)
			begin := p.now.Load()
			eventually(t, "it is greeted", p.served.greeted.Load)
			tt.test(p, func(d time.Duration) {
				eventually(t, "all is written", func() bool { return p.served.writing.Load() == 0 })
				p.served.Check(begin + int64(d))
			})
		})
	}
}

// TestWhoSaysNothingIsCutOff, from the first byte on.
func TestWhoSaysNothingIsCutOff(t *testing.T) {
	client, server := net.Pipe()
	now, ended := &atomic.Int64{}, make(chan struct{})
	now.Store(1)
	c := serve(t, func(http.ResponseWriter, *http.Request) {}, server, now, ended)
	go func() { _, _ = io.Copy(io.Discard, client) }()
	c.Check(int64(11 * time.Second))
	<-ended
	_ = client.Close()
}

func TestDeadlines(t *testing.T) {
	p := connected(t, func(w http.ResponseWriter, req *http.Request) {
		control := http.NewResponseController(w)
		if err := control.SetReadDeadline(time.Unix(1, 0)); err != nil {
			t.Error(err)
		}
		if _, err := req.Body.Read(make([]byte, 1)); !errors.Is(err, errDeadline) {
			t.Error(err)
		}
		if err := control.SetWriteDeadline(time.Now().Add(time.Millisecond)); err != nil {
			t.Error(err)
		}
		for _, err := io.WriteString(w, "x"); ; _, err = io.WriteString(w, strings.Repeat("x", 1<<16)) {
			if err != nil {
				return
			}
		}
	})
	p.ask(1, false)
	p.until("reset 1 INTERNAL_ERROR")
}

// TestADeadlineEndsAWriteThatTheClientDoesNotTake: its windows are open, its socket is full.
func TestADeadlineEndsAWriteThatTheClientDoesNotTake(t *testing.T) {
	ended := make(chan error, 1)
	p := connected(t, func(w http.ResponseWriter, _ *http.Request) {
		piece, err := strings.Repeat("x", 1<<16), error(nil)
		for range 64 {
			_, _ = io.WriteString(w, piece)
		}
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
		for err == nil {
			_, err = io.WriteString(w, piece)
		}
		ended <- err
	}, http2.Setting{ID: http2.SettingInitialWindowSize, Val: maxWindow})
	p.check(p.framer.WriteWindowUpdate(0, maxWindow-firstWindow))
	tcp, ok := p.conn.(*net.TCPConn)
	if !ok {
		t.Fatal("not a socket")
	}
	p.check(tcp.SetReadBuffer(1 << 16))
	go func() { // what the first pieces need, and no more
		_, _ = io.CopyN(io.Discard, p.conn, 64<<16)
	}()
	p.ask(1, true)
	if err := <-ended; !errors.Is(err, errDeadline) {
		t.Error(err)
	}
}

// FuzzConn sends whatever bytes: the connection ends, and nothing else does.
func FuzzConn(f *testing.F) {
	for _, send := range []func(p *http2.Framer) error{
		func(p *http2.Framer) error { return p.WritePing(false, [8]byte{}) },
		func(p *http2.Framer) error { return p.WriteData(1, true, []byte("x")) },
		func(p *http2.Framer) error { return p.WriteRSTStream(1, 0) },
		func(p *http2.Framer) error { return p.WriteWindowUpdate(0, 1) },
		func(p *http2.Framer) error {
			return p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true, BlockFragment: []byte{0x82, 0x84, 0x87, 0x41, 1, 'a'}})
		},
	} {
		var b bytes.Buffer
		p := http2.NewFramer(&b, nil)
		if err := errors.Join(p.WriteSettings(), send(p), send(p)); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		client, server := net.Pipe()
		now, ended := &atomic.Int64{}, make(chan struct{})
		now.Store(time.Now().UnixNano())
		serve(t, func(w http.ResponseWriter, req *http.Request) {
			_, _ = io.Copy(w, req.Body)
		}, server, now, ended)
		go func() { _, _ = io.Copy(io.Discard, client) }()
		_, _ = client.Write(append([]byte(http2.ClientPreface), data...))
		_ = client.Close()
		<-ended
	})
}
