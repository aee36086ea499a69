package edge

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// oddBackend is a backend that answers with exactly the bytes of a test.
type oddBackend struct {
	addr     string
	conns    atomic.Int64
	requests atomic.Int64
}

// backendTurn is one request on an odd backend's connection.
type backendTurn struct {
	conn net.Conn
	in   *bufio.Reader
	head string // of the request
	nth  int    // on this connection, from 1
	of   int    // the connection, from 1
}

// say writes parts with a moment between them.
func (turn *backendTurn) say(parts ...string) {
	for i, p := range parts {
		if i > 0 {
			time.Sleep(5 * time.Millisecond)
		}
		_, _ = io.WriteString(turn.conn, p)
	}
}

// newOddBackend calls serve for each request, whose body is left unread. The connection
// is closed when serve says false.
func newOddBackend(tb testing.TB, serve func(turn *backendTurn) bool) *oddBackend {
	tb.Helper()
	l, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	b := &oddBackend{addr: l.Addr().String()}
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		conns []net.Conn
	)
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			of := int(b.conns.Add(1))
			wg.Go(func() { b.serve(c, of, serve) })
		}
	})
	tb.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return b
}

func (b *oddBackend) serve(c net.Conn, of int, serve func(turn *backendTurn) bool) {
	defer func() { _ = c.Close() }()
	in := bufio.NewReader(c)
	for nth := 1; ; nth++ {
		var head strings.Builder
		for !strings.HasSuffix(head.String(), "\r\n\r\n") {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			head.WriteString(line)
		}
		b.requests.Add(1)
		if !serve(&backendTurn{conn: c, in: in, head: head.String(), nth: nth, of: of}) {
			return
		}
	}
}

// exchanged is what a client got, as text.
func exchanged(t *testing.T, client *http.Client, method string, body io.Reader) (status int, text string, h http.Header, err error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, siteURL, body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	for name, values := range resp.Trailer {
		resp.Header["Trailer-"+name] = values
	}
	if resp.ContentLength >= 0 {
		resp.Header.Set("Seen-Length", strconv.FormatInt(resp.ContentLength, 10))
	}
	return resp.StatusCode, string(b), resp.Header, err
}

// TestRelayOfOddAnswers is what HTTP allows backends to say, and what it does not.
func TestRelayOfOddAnswers(t *testing.T) { onBoth(t, testRelayOfOddAnswers) }

func testRelayOfOddAnswers(t *testing.T, start starter) {
	t.Helper()
	const ok = "HTTP/1.1 200 OK\r\n"
	tests := []struct {
		name, method string
		answer       []string
		closes       bool // the backend ends the connection after it
		status       int
		body         string
		broken       bool // the client must see that the answer is not whole
		header       map[string]string
	}{
		{name: "length", answer: []string{ok + "Content-Length: 5\r\n\r\nhello"}, status: 200, body: "hello", header: map[string]string{"Seen-Length": "5"}},
		{name: "length in pieces", answer: []string{"HTTP/1.1 20", "0 OK\r\nContent-", "Length: 5\r", "\n\r", "\nhe", "llo"}, status: 200, body: "hello"},
		{name: "no reason", answer: []string{"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"}, status: 200},
		{name: "line feeds alone", answer: []string{"HTTP/1.1 200 OK\nContent-Length: 2\nA: b\n\nhi"}, status: 200, body: "hi", header: map[string]string{"A": "b"}},
		{name: "chunks", answer: []string{ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n"}, status: 200, body: "hello"},
		{name: "chunks in pieces", answer: []string{ok + "Transfer-Encoding: Chunked\r\n\r\n3\r", "\nh", "el", "\r", "\n00", "2\r\nlo\r\n", "0", "\r\n", "\r\n"}, status: 200, body: "hello"},
		{
			name: "trailer", answer: []string{ok + "Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 7\r\nX-More: 8\r\n\r\n"},
			status: 200, body: "hi", header: map[string]string{"Trailer-X-Sum": "7", "Trailer-X-More": "8"},
		},
		{name: "chunks and a length", answer: []string{ok + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"}, status: 200, body: "hello", header: map[string]string{"Seen-Length": "5"}},
		{name: "until the end", answer: []string{"HTTP/1.0 200 OK\r\nA: b\r\n\r\nhel", "lo"}, closes: true, status: 200, body: "hello", header: map[string]string{"A": "b"}},
		{name: "the same length twice", answer: []string{ok + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi"}, status: 200, body: "hi"},
		{name: "head", method: "HEAD", answer: []string{ok + "Content-Length: 5000\r\n\r\n"}, status: 200, header: map[string]string{"Seen-Length": "5000"}},
		{name: "no content", answer: []string{"HTTP/1.1 204 No Content\r\n\r\n"}, status: 204},
		{name: "not modified", answer: []string{"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\nEtag: \"x\"\r\n\r\n"}, status: 304, header: map[string]string{"Etag": `"x"`}},
		{name: "fields of the connection", answer: []string{ok + "Connection: X-Hop, close\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nContent-Length: 2\r\nA: b\r\n\r\nhi"}, closes: true, status: 200, body: "hi", header: map[string]string{"X-Hop": "", "Keep-Alive": "", "Proxy-Authenticate": "", "A": "b"}},
		{name: "folded field", answer: []string{ok + "A: one\r\n  two\r\nContent-Length: 0\r\n\r\n"}, status: 200, header: map[string]string{"A": "one two"}},
		{name: "large header", answer: []string{ok + "A: " + strings.Repeat("x", 100<<10) + "\r\nContent-Length: 2\r\n\r\nhi"}, status: 200, body: "hi", header: map[string]string{"A": strings.Repeat("x", 100<<10)}},
		{name: "large body", answer: []string{ok + "Content-Length: 1000000\r\n\r\n" + strings.Repeat("0123456789", 100_000)}, status: 200, body: strings.Repeat("0123456789", 100_000)},
		{name: "continue first", answer: []string{"HTTP/1.1 100 Continue\r\n\r\n", ok + "Content-Length: 2\r\n\r\nhi"}, status: 200, body: "hi"},
		{name: "own content type only", answer: []string{ok + "Content-Length: 6\r\n\r\n<html>"}, status: 200, body: "<html>", header: map[string]string{"Content-Type": ""}},

		{name: "short body", answer: []string{ok + "Content-Length: 9\r\n\r\nhello"}, closes: true, broken: true},
		{name: "short chunks", answer: []string{ok + "Transfer-Encoding: chunked\r\n\r\n9\r\nhello"}, closes: true, broken: true},
		{name: "no last chunk", answer: []string{ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"}, closes: true, broken: true},
		{name: "bad chunk", answer: []string{ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n"}, broken: true},
		{name: "chunk longer than its size", answer: []string{ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n"}, broken: true},
		{name: "chunk size with a line feed alone", answer: []string{ok + "Transfer-Encoding: chunked\r\n\r\n2\nhi\r\n0\r\n\r\n"}, broken: true},

		{name: "nothing", closes: true, status: 502},
		{name: "half a header", answer: []string{ok + "Content-Le"}, closes: true, status: 502},
		{name: "not http", answer: []string{"SSH-2.0-OpenSSH_9.2\r\n\r\n"}, status: 502},
		{name: "http 2", answer: []string{"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"}, status: 502},
		{name: "status is no number", answer: []string{"HTTP/1.1 2OO OK\r\nContent-Length: 0\r\n\r\n"}, status: 502},
		{name: "status too small", answer: []string{"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n"}, status: 502},
		{name: "two lengths", answer: []string{ok + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi"}, status: 502},
		{name: "signed length", answer: []string{ok + "Content-Length: +2\r\n\r\nhi"}, status: 502},
		{name: "endless length", answer: []string{ok + "Content-Length: 99999999999999999999\r\n\r\nhi"}, status: 502},
		{name: "two codings", answer: []string{ok + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"}, status: 502},
		{name: "space before the colon", answer: []string{ok + "A : b\r\nContent-Length: 0\r\n\r\n"}, status: 502},
		{name: "carriage return in a value", answer: []string{ok + "A: b\rc\r\nContent-Length: 0\r\n\r\n"}, status: 502},
		{name: "zero byte in a value", answer: []string{ok + "A: b\x00c\r\nContent-Length: 0\r\n\r\n"}, status: 502},
		{name: "endless header", answer: []string{ok + "A: " + strings.Repeat("x", 1<<20)}, closes: true, status: 502},
		{name: "switch that nobody asked for", answer: []string{"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"}, status: 502},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newOddBackend(t, func(turn *backendTurn) bool { turn.say(tt.answer...); return !tt.closes })
			r, addr := start(t, Options{})
			mustPublish(t, r, to("r1", b.addr))
			client := clientOf(addr, 1)
			for range 2 { // the second on the connection of the first, where that may be
				status, body, h, err := exchanged(t, client, cmp.Or(tt.method, http.MethodGet), nil)
				if tt.broken != (err != nil) || !tt.broken && status != tt.status || status == http.StatusOK && !tt.broken && body != tt.body {
					t.Fatalf("%d %.80q %v", status, body, err)
				}
				for name, want := range tt.header {
					if got := h.Get(name); got != want {
						t.Errorf("%s: %.80q, want %.80q", name, got, want)
					}
				}
			}
			if n := b.requests.Load(); n != 2 {
				t.Errorf("the backend got %d requests", n)
			}
		})
	}
}

func TestConnectionsToBackendsAreKeptOnlyWhereThatIsSafe(t *testing.T) {
	onBoth(t, testConnectionsToBackendsAreKeptOnlyWhereThatIsSafe)
}

func testConnectionsToBackendsAreKeptOnlyWhereThatIsSafe(t *testing.T, start starter) {
	t.Helper()
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	tests := []struct {
		name   string
		answer string
		conns  int64 // for three requests
	}{
		{"kept", ok, 1},
		{"kept after chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 1},
		{"http 1.0 may keep", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", 1},
		{"http 1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 3},
		{"close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", 3},
		{"more than the length", ok + "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong", 3},
		{"chunks and a length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newOddBackend(t, func(turn *backendTurn) bool { turn.say(tt.answer); return true })
			r, addr := start(t, Options{})
			mustPublish(t, r, to("r1", b.addr))
			client := clientOf(addr, 1)
			for range 3 {
				if status, body, _, err := exchanged(t, client, http.MethodGet, nil); status != 200 || body != "ok" || err != nil {
					t.Fatalf("%d %q %v", status, body, err)
				}
			}
			if n := b.conns.Load(); n != tt.conns {
				t.Errorf("%d connections, want %d", n, tt.conns)
			}
		})
	}
}

// TestIdleConnectionThatSpeaks: what a backend says unasked is never somebody's answer.
func TestIdleConnectionThatSpeaks(t *testing.T) { onBoth(t, testIdleConnectionThatSpeaks) }

func testIdleConnectionThatSpeaks(t *testing.T, start starter) {
	t.Helper()
	spoke := make(chan struct{})
	b := newOddBackend(t, func(turn *backendTurn) bool {
		turn.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		if turn.of == 1 {
			time.Sleep(20 * time.Millisecond)
			turn.say("HTTP/1.1 408 Request Timeout\r\nContent-Length: 5\r\n\r\nwrong")
			close(spoke)
		}
		return true
	})
	r, addr := start(t, Options{})
	mustPublish(t, r, to("r1", b.addr))
	client := clientOf(addr, 1)
	for range 3 {
		if status, body, _, err := exchanged(t, client, http.MethodGet, nil); status != 200 || body != "ok" || err != nil {
			t.Fatalf("%d %q %v", status, body, err)
		}
		<-spoke
	}
}

// TestOnlySafeRequestsAreRepeated: a request is sent twice only when it is safe, has no
// body and met a connection that was just being closed.
func TestOnlySafeRequestsAreRepeated(t *testing.T) { onBoth(t, testOnlySafeRequestsAreRepeated) }

func testOnlySafeRequestsAreRepeated(t *testing.T, start starter) {
	t.Helper()
	tests := []struct {
		name, method, body string
		first              string // what the second request on a connection gets before it is closed
		status             int
		requests           int64
	}{
		{"get that got nothing", http.MethodGet, "", "", 200, 3},
		{"get that got half an answer", http.MethodGet, "", "HTTP/1.1 200 OK\r\nA", 502, 2},
		{"post", http.MethodPost, "order", "", 200, 2},
		{"delete", http.MethodDelete, "", "", 200, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newOddBackend(t, func(turn *backendTurn) bool {
				if turn.nth == 2 {
					turn.say(tt.first)
					return false
				}
				turn.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				return true
			})
			r, addr := start(t, Options{})
			mustPublish(t, r, to("r1", b.addr))
			client := clientOf(addr, 1)
			if status, _, _, err := exchanged(t, client, http.MethodGet, nil); status != 200 {
				t.Fatal(status, err)
			}
			status, _, _, err := exchanged(t, client, tt.method, strings.NewReader(tt.body))
			if err != nil || status != tt.status || b.requests.Load() != tt.requests {
				t.Errorf("%d %v, %d requests", status, err, b.requests.Load())
			}
		})
	}
	t.Run("post that got nothing on a new connection", func(t *testing.T) {
		b := newOddBackend(t, func(*backendTurn) bool { return false })
		r, addr := start(t, Options{})
		mustPublish(t, r, to("r1", b.addr))
		status, _, _, err := exchanged(t, clientOf(addr, 1), http.MethodPost, strings.NewReader("order"))
		if err != nil || status != 502 || b.requests.Load() != 1 {
			t.Errorf("%d %v, %d requests", status, err, b.requests.Load())
		}
	})
}

func TestEarlyHintsArePassedOn(t *testing.T) { onBoth(t, testEarlyHintsArePassedOn) }

func testEarlyHintsArePassedOn(t *testing.T, start starter) {
	t.Helper()
	b := newOddBackend(t, func(turn *backendTurn) bool {
		turn.say("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		return true
	})
	r, addr := start(t, Options{})
	mustPublish(t, r, to("r1", b.addr))
	var hint string
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		hint = fmt.Sprint(code, " ", h.Get("Link"))
		return nil
	}}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), http.MethodGet, siteURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := clientOf(addr, 1).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if hint != "103 </a.css>; rel=preload" || resp.StatusCode != http.StatusOK || resp.Header.Get("Link") != "" {
		t.Errorf("hint %q, answer %d %v", hint, resp.StatusCode, resp.Header)
	}
}

// TestUpload is bodies both ways: with a length, without, with a trailer, asked for.
func TestUpload(t *testing.T) { onBoth(t, testUpload) }

func testUpload(t *testing.T, start starter) {
	t.Helper()
	large := strings.Repeat("0123456789", 100_000)
	backend := realBackend(t, func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		w.Header().Set("X-Seen", fmt.Sprint(req.ContentLength, req.TransferEncoding, len(body), string(body) == large, req.Trailer))
	})
	r, addr := start(t, Options{})
	mustPublish(t, r, to("r1", backend))
	client := clientOf(addr, 1)
	tests := []struct {
		name, method string
		body         func(req *http.Request) io.Reader
		want         string
	}{
		{"length", "POST", func(*http.Request) io.Reader { return strings.NewReader(large) }, "1000000[]1000000truemap[]"},
		{"chunks", "PUT", func(*http.Request) io.Reader { return io.MultiReader(strings.NewReader(large)) }, "-1[chunked]1000000truemap[]"},
		{"nothing", "POST", func(*http.Request) io.Reader { return nil }, "0[]0falsemap[]"},
		{"body of a get", "GET", func(*http.Request) io.Reader { return strings.NewReader("x") }, "1[]1falsemap[]"},
		{"asked for", "POST", func(req *http.Request) io.Reader {
			req.Header.Set("Expect", "100-continue")
			return strings.NewReader(large)
		}, "1000000[]1000000truemap[]"},
		{"trailer", "POST", func(req *http.Request) io.Reader {
			req.Trailer = http.Header{"X-Sum": {"7"}}
			return io.MultiReader(strings.NewReader(large))
		}, "-1[chunked]1000000truemap[X-Sum:[7]]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), tt.method, siteURL, nil)
			if err != nil {
				t.Fatal(err)
			}
			if body := tt.body(req); body != nil {
				req.Body, req.ContentLength = io.NopCloser(body), -1
				if sized, ok := body.(*strings.Reader); ok {
					req.ContentLength = int64(sized.Len())
				}
			}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if got := strings.ReplaceAll(resp.Header.Get("X-Seen"), " ", ""); got != tt.want {
				t.Errorf("%d: the backend saw %q, want %q", resp.StatusCode, got, tt.want)
			}
		})
	}
}

// TestBodiesFlowBothWaysAtOnce: the client hears an answer before it has said everything.
func TestBodiesFlowBothWaysAtOnce(t *testing.T) { onBoth(t, testBodiesFlowBothWaysAtOnce) }

func testBodiesFlowBothWaysAtOnce(t *testing.T, start starter) {
	t.Helper()
	b := newOddBackend(t, func(turn *backendTurn) bool {
		turn.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		buf := make([]byte, 1<<10)
		for { // the request's chunks are the answer's
			n, err := turn.in.Read(buf)
			turn.say(string(buf[:n]))
			if err != nil || strings.HasSuffix(string(buf[:n]), "0\r\n\r\n") {
				return err == nil
			}
		}
	})
	r, addr := start(t, Options{})
	mustPublish(t, r, to("r1", b.addr))
	out, in := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, siteURL, out)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := clientOf(addr, 1).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answers := bufio.NewReader(resp.Body)
	for n := range 3 {
		want := fmt.Sprintf("line %d\n", n)
		if _, err := io.WriteString(in, want); err != nil {
			t.Fatal(err)
		}
		if got, err := answers.ReadString('\n'); got != want {
			t.Fatalf("%q %v", got, err)
		}
	}
	_ = in.Close()
	if rest, err := io.ReadAll(answers); err != nil || len(rest) != 0 {
		t.Errorf("%q %v", rest, err)
	}
}

// TestAnswerBeforeTheBodyWasSent: a backend refuses an upload that is still under way.
func TestAnswerBeforeTheBodyWasSent(t *testing.T) { onBoth(t, testAnswerBeforeTheBodyWasSent) }

func testAnswerBeforeTheBodyWasSent(t *testing.T, start starter) {
	t.Helper()
	b := newOddBackend(t, func(turn *backendTurn) bool {
		turn.say("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig")
		return false
	})
	r, addr := start(t, Options{})
	mustPublish(t, r, to("r1", b.addr))
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
	send(t, c, "POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 1000000\r\n\r\nonly the beginning")
	in := bufio.NewReader(c)
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Fatalf("%v %v", resp, err)
	}
	if body, err := io.ReadAll(resp.Body); string(body) != "big" {
		t.Errorf("%q %v", body, err)
	}
	_ = resp.Body.Close()
	if _, err := in.ReadByte(); err == nil {
		t.Error("the connection goes on in the middle of a body")
	}
}

// TestClientThatLeaves: its request is not worked on any longer.
func TestClientThatLeaves(t *testing.T) {
	t.Parallel()
	onBoth(t, testClientThatLeaves)
}

func testClientThatLeaves(t *testing.T, start starter) {
	t.Helper()
	for name, request := range map[string]string{
		"get":  "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n",
		"post": "POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 100\r\n\r\nhalf",
	} {
		t.Run(name, func(t *testing.T) {
			working, left := make(chan struct{}), make(chan error, 1)
			b := newOddBackend(t, func(turn *backendTurn) bool {
				close(working)
				_, err := io.Copy(io.Discard, turn.in)
				left <- err
				return false
			})
			r, addr := start(t, Options{})
			mustPublish(t, r, to("r1", b.addr))
			c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			send(t, c, request)
			<-working
			_ = c.Close()
			select {
			case err := <-left:
				t.Logf("the backend saw %v", err)
			case <-time.After(2 * time.Minute):
				t.Error("the backend works on")
			}
			eventually(t, "nobody is under way", func() bool { s, _ := r.Status(testEnv); return s.InFlight == 0 })
		})
	}
}

// TestAnswerThatTricklesIsPassedOnAsItComes: what has arrived is not held back.
func TestAnswerThatTricklesIsPassedOnAsItComes(t *testing.T) {
	onBoth(t, testAnswerThatTricklesIsPassedOnAsItComes)
}

func testAnswerThatTricklesIsPassedOnAsItComes(t *testing.T, start starter) {
	t.Helper()
	more := make(chan struct{})
	b := newOddBackend(t, func(turn *backendTurn) bool {
		turn.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		for _, chunk := range []string{"2\r\nab\r\n", "2\r\ncd\r", "\n1\r\n", "e\r\n0\r\n\r\n"} {
			<-more
			turn.say(chunk)
		}
		return true
	})
	r, addr := start(t, Options{})
	mustPublish(t, r, to("r1", b.addr))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, siteURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := clientOf(addr, 1).Do(req) // returns with the header
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	two := make([]byte, 2)
	for _, want := range []string{"ab", "cd"} {
		more <- struct{}{}
		if _, err := io.ReadFull(resp.Body, two); string(two) != want {
			t.Fatalf("%q %v", two, err)
		}
	}
	more <- struct{}{}
	more <- struct{}{}
	if rest, err := io.ReadAll(resp.Body); string(rest) != "e" || err != nil {
		t.Errorf("%q %v", rest, err)
	}
}

// TestUpgradeThatIsRefusedAnswers: without a 101 it is an ordinary request.
func TestUpgradeThatIsRefusedAnswers(t *testing.T) { onBoth(t, testUpgradeThatIsRefusedAnswers) }

func testUpgradeThatIsRefusedAnswers(t *testing.T, start starter) {
	t.Helper()
	b := newOddBackend(t, func(turn *backendTurn) bool {
		if !strings.Contains(turn.head, "\r\nUpgrade: websocket\r\n") {
			turn.say("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
			return true
		}
		turn.say("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno")
		return true
	})
	r, addr := start(t, Options{})
	mustPublish(t, r, to("r1", b.addr))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, siteURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Connection", "upgrade")
	req.Header.Set("Upgrade", "websocket")
	resp, err := clientOf(addr, 1).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if cerr := errors.Join(err, resp.Body.Close()); cerr != nil || resp.StatusCode != http.StatusUpgradeRequired || string(body) != "no" {
		t.Errorf("%d %q %v", resp.StatusCode, body, cerr)
	}
}
