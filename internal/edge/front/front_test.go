package front

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

// started serves h and returns the server with its address.
func started(t *testing.T, h http.HandlerFunc, set func(*http.Server)) (*Server, string) {
	t.Helper()
	full := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10}
	if set != nil {
		set(full)
	}
	s := New(full, slog.New(slog.DiscardHandler))
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("served: %v", err)
		}
	})
	return s, l.Addr().String()
}

// dial connects with a limit on everything.
func dial(t *testing.T, addr string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
	return c, bufio.NewReader(c)
}

func say(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// hear reads an answer to a request of the method and returns "status body".
func hear(t *testing.T, in *bufio.Reader, method string) (string, http.Header) {
	t.Helper()
	resp, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	for name, values := range resp.Trailer {
		resp.Header["Trailer-"+name] = values
	}
	resp.Header.Set("Framing", fmt.Sprint(resp.ContentLength, resp.TransferEncoding))
	return fmt.Sprint(resp.StatusCode, " ", string(body)), resp.Header
}

// echo answers what it was asked, and by which server.
func echo(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	_, ours := w.(*writer)
	_, _ = fmt.Fprintf(w, "%s %s %q ours=%v", req.Method, req.URL.Path, body, ours)
}

// TestConversation is many requests on one connection, of which the first that is not
// plain and all that follow are net/http's.
func TestConversation(t *testing.T) {
	const host = " HTTP/1.1\r\nHost: a\r\n"
	_, addr := started(t, echo, nil)
	tests := []struct {
		name string
		sent []string
		want []string
	}{
		{"one after the other", []string{"GET /1" + host + "\r\n", "POST /2" + host + "Content-Length: 3\r\n\r\nabc", "GET /3" + host + "\r\n"}, []string{
			`200 GET /1 "" ours=true`, `200 POST /2 "abc" ours=true`, `200 GET /3 "" ours=true`,
		}},
		{"all at once", []string{"GET /1" + host + "\r\nPOST /2" + host + "Content-Length: 3\r\n\r\nabcGET /3" + host + "\r\n"}, []string{
			`200 GET /1 "" ours=true`, `200 POST /2 "abc" ours=true`, `200 GET /3 "" ours=true`,
		}},
		{"in pieces", []string{"GET /1 HT", "TP/1.1\r", "\nHost: a\r\n\r", "\nPOST /2" + host + "Content-Length: 3\r\n\r\na", "b", "c"}, []string{
			`200 GET /1 "" ours=true`, `200 POST /2 "abc" ours=true`,
		}},
		{"chunks are handed over", []string{"GET /1" + host + "\r\nPOST /2" + host + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET /3" + host + "\r\n"}, []string{
			`200 GET /1 "" ours=true`, `200 POST /2 "abc" ours=false`, // the last one of its connection
		}},
		{"a long header is not", []string{"GET /1" + host + "A: " + strings.Repeat("x", 40<<10) + "\r\n\r\nGET /2" + host + "\r\n"}, []string{
			`200 GET /1 "" ours=true`, `200 GET /2 "" ours=true`,
		}},
		{"a header of some length is not", []string{"GET /1" + host + "A: " + strings.Repeat("x", 10<<10) + "\r\n\r\n"}, []string{`200 GET /1 "" ours=true`}},
		{"garbage is refused by net/http", []string{"GET /1" + host + "\r\nGET /2 HTTP/1.1\r\nHost : a\r\n\r\n"}, []string{
			`200 GET /1 "" ours=true`, `400 400 Bad Request: missing required Host header`,
		}},
		{"close", []string{"GET /1" + host + "Connection: close\r\n\r\nGET /2" + host + "\r\n"}, []string{`200 GET /1 "" ours=true`}},
		{"http 1.0", []string{"GET /1 HTTP/1.0\r\n\r\n"}, []string{`200 GET /1 "" ours=false`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, in := dial(t, addr)
			for _, text := range tt.sent {
				say(t, c, text)
			}
			for _, want := range tt.want {
				if got, _ := hear(t, in, "GET"); got != want {
					t.Fatalf("%s, want %s", got, want)
				}
			}
		})
	}
}

// TestHeadsThatMeanTwoThings are refused, also behind a request that net/http reads, and
// nothing behind them is answered.
func TestHeadsThatMeanTwoThings(t *testing.T) {
	const host = " HTTP/1.1\r\nHost: a\r\n"
	handled := make(chan string, 100)
	_, addr := started(t, func(_ http.ResponseWriter, req *http.Request) { handled <- req.URL.Path }, nil)
	for _, tt := range []struct{ text, want string }{
		{"POST /p" + host + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /second" + host + "\r\n", "400"},
		{"POST /p HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 15\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET /second" + host + "\r\n", "400"},
		{"POST /p HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET /second" + host + "\r\n", "400"},
		{"GET /p" + host + "X: a\n\nGET /second HTTP/1.1\r\n\r\n", "400"},
		{"POST /p" + host + "Expect: a miracle\r\nContent-Length: 1000\r\n\r\n", "417"},
		{"GET /p" + host + "X: " + strings.Repeat("x", 70<<10) + "\r\n\r\n", "431"},
		{"POST /first" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nPOST /p" + host + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "200"},
		{"OPTIONS *" + host + "\r\nPOST /p" + host + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "200"},
	} {
		c, in := dial(t, addr)
		say(t, c, tt.text)
		raw, err := io.ReadAll(in)
		if n := strings.Count(string(raw), "HTTP/1.1 "); err != nil || n != 1 || !strings.HasPrefix(string(raw), "HTTP/1.1 "+tt.want) {
			t.Errorf("%.60q: %d responses, %.200q, %v", tt.text, n, raw, err)
		}
	}
	close(handled)
	for path := range handled {
		if path != "/first" && path != "*" {
			t.Errorf("%s was handled", path)
		}
	}
}

// answerCase is one way for a handler to write.
type answerCase struct {
	name, method string
	handle       http.HandlerFunc
	want         string
	header       map[string]string
}

func answerCases(t *testing.T) []answerCase {
	t.Helper()
	return []answerCase{
		{name: "nothing", handle: func(http.ResponseWriter, *http.Request) {}, want: "200 ", header: map[string]string{"Framing": "0 []"}},
		{name: "short", handle: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hi") }, want: "200 hi", header: map[string]string{"Framing": "2 []"}},
		{name: "long", handle: func(w http.ResponseWriter, _ *http.Request) {
			for range 10_000 {
				_, _ = io.WriteString(w, "0123456789")
			}
		}, want: "200 " + strings.Repeat("0123456789", 10_000), header: map[string]string{"Framing": "-1 [chunked]"}},
		{name: "long with a length", handle: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100000")
			_, _ = io.WriteString(w, strings.Repeat("0123456789", 9_999))
			_, _ = io.WriteString(w, "0123456789")
		}, want: "200 " + strings.Repeat("0123456789", 10_000), header: map[string]string{"Framing": "100000 []"}},
		{name: "flushed", handle: func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "a")
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, "b")
		}, want: "200 ab", header: map[string]string{"Framing": "-1 [chunked]"}},
		{name: "trailer", handle: func(w http.ResponseWriter, _ *http.Request) {
			_ = http.NewResponseController(w).Flush()
			w.Header().Set(http.TrailerPrefix+"X-Sum", "7")
		}, want: "200 ", header: map[string]string{"Trailer-X-Sum": "7"}},
		{name: "no content", handle: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNoContent)
			if _, err := w.Write([]byte("x")); !errors.Is(err, http.ErrBodyNotAllowed) {
				t.Errorf("a body for 204: %v", err)
			}
		}, want: "204 "},
		{name: "not modified", handle: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }, want: "304 "},
		{name: "head", method: "HEAD", handle: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "2")
			_, _ = io.WriteString(w, "hi")
		}, want: "200 ", header: map[string]string{"Framing": "2 []"}},
		{name: "more than announced", handle: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "2")
			_, _ = io.WriteString(w, "hi")
			if _, err := io.WriteString(w, "!"); !errors.Is(err, http.ErrContentLength) {
				t.Errorf("more than announced: %v", err)
			}
		}, want: "200 hi"},
		{name: "line end in a value", handle: func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["A"] = []string{"b\r\nEvil: c"}
		}, want: "200 ", header: map[string]string{"A": "b  Evil: c", "Evil": ""}},
		{name: "date is kept", handle: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", "yesterday")
		}, want: "200 ", header: map[string]string{"Date": "yesterday"}},
	}
}

// TestAnswers is how handlers may write.
func TestAnswers(t *testing.T) {
	for _, tt := range answerCases(t) {
		t.Run(tt.name, func(t *testing.T) {
			_, addr := started(t, tt.handle, nil)
			c, in := dial(t, addr)
			method := "GET"
			if tt.method != "" {
				method = tt.method
			}
			for range 2 { // the second shows that the first ended where it should
				say(t, c, method+" / HTTP/1.1\r\nHost: a\r\n\r\n")
				got, h := hear(t, in, method)
				if got != tt.want {
					t.Fatalf("%.80q, want %.80q", got, tt.want)
				}
				for name, want := range tt.header {
					if h.Get(name) != want {
						t.Errorf("%s: %q, want %q", name, h.Get(name), want)
					}
				}
				if h.Get("Date") == "" {
					t.Error("no date")
				}
			}
		})
	}
}

// TestAnswersThatBreakOff must not look complete.
func TestAnswersThatBreakOff(t *testing.T) {
	for name, handle := range map[string]http.HandlerFunc{
		"abort at once":  func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"panic at once":  func(http.ResponseWriter, *http.Request) { panic("bug") },
		"abort in chunk": func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); panic(http.ErrAbortHandler) }, //nolint:errcheck // it is one
		"less than announced": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5")
			_, _ = io.WriteString(w, "hi")
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, addr := started(t, handle, nil)
			c, in := dial(t, addr)
			say(t, c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			resp, err := http.ReadResponse(in, nil)
			if err != nil {
				return
			}
			_, err = io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err == nil {
				t.Error("it looks complete")
			}
		})
	}
}

// TestBodyThatNobodyReads ends the connection: what follows it is no request.
func TestBodyThatNobodyReads(t *testing.T) {
	_, addr := started(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, nil)
	for name, body := range map[string]string{"arrived": "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", "under way": "GET"} {
		t.Run(name, func(t *testing.T) {
			c, in := dial(t, addr)
			say(t, c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 35\r\n\r\n"+body)
			if got, _ := hear(t, in, "POST"); got != "403 " {
				t.Error(got)
			}
			if name == "arrived" {
				say(t, c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
				if got, _ := hear(t, in, "GET"); got != "403 " {
					t.Error(got)
				}
			}
			_ = c.(*net.TCPConn).CloseWrite() //nolint:errcheck // it is one
			if rest, _ := io.ReadAll(in); len(rest) > 0 {
				t.Errorf("and %q", rest)
			}
		})
	}
}

// TestLimits: a client that says nothing, or little, is not waited for.
func TestLimits(t *testing.T) {
	_, addr := started(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hi") },
		func(s *http.Server) { s.ReadHeaderTimeout, s.IdleTimeout = time.Second, time.Second })
	for name, text := range map[string]string{
		"silent": "", "slow": "GET / HTTP/1.1\r\nHo", "idle": "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"body that nobody reads": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhello",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, in := dial(t, addr)
			say(t, c, text)
			if strings.HasSuffix(text, "\r\n\r\n") || strings.HasSuffix(text, "hello") {
				hear(t, in, "GET")
			}
			if _, err := in.ReadByte(); errors.Is(err, context.DeadlineExceeded) || err == nil {
				t.Errorf("still there: %v", err)
			}
		})
	}
}

// TestClientThatLeavesEndsItsRequest: by the context, and whoever watches is told.
func TestClientThatLeavesEndsItsRequest(t *testing.T) {
	arrived, ended := make(chan struct{}), make(chan error)
	_, addr := started(t, func(_ http.ResponseWriter, req *http.Request) {
		w := watcher{left: make(chan error, 1)}
		if !Watch(req.Context(), &w) {
			t.Error("not watched")
		}
		defer Watch(req.Context(), nil)
		close(arrived)
		<-req.Context().Done()
		ended <- errors.Join(context.Cause(req.Context()), <-w.left)
	}, nil)
	c, _ := dial(t, addr)
	say(t, c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	<-arrived
	_ = c.Close()
	if err := <-ended; !errors.Is(err, errClientLeft) {
		t.Error(err)
	}
}

type watcher struct{ left chan error }

func (w *watcher) Leave(cause error) { w.left <- cause }

// TestShutdownAnswersWhatIsUnderWay: idle connections end at once.
func TestShutdownAnswersWhatIsUnderWay(t *testing.T) {
	arrived, proceed := make(chan struct{}, 2), make(chan struct{})
	s, addr := started(t, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/slow" {
			arrived <- struct{}{}
			<-proceed
		}
		_, _ = io.WriteString(w, "done")
	}, nil)
	idle, idleIn := dial(t, addr)
	say(t, idle, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	hear(t, idleIn, "GET")
	plain, plainIn := dial(t, addr)
	say(t, plain, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
	full, fullIn := dial(t, addr)
	say(t, full, "GET /slow HTTP/1.1\r\nHost: a\r\nConnection: X\r\n\r\n")
	<-arrived
	<-arrived
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(context.WithoutCancel(t.Context())) }()
	if _, err := idleIn.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("idle: %v", err)
	}
	close(proceed)
	for _, in := range []*bufio.Reader{plainIn, fullIn} {
		if got, _ := hear(t, in, "GET"); got != "200 done" {
			t.Error(got)
		}
	}
	if err := <-down; err != nil {
		t.Error(err)
	}
}

// secured serves h over TLS and returns its address.
func secured(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	cert := httptest.NewUnstartedServer(nil)
	cert.StartTLS()
	cert.Close()
	full := &http.Server{ReadHeaderTimeout: time.Minute, Handler: h}
	full.TLSConfig = &tls.Config{Certificates: cert.TLS.Certificates, NextProtos: []string{"h2", "http/1.1"}}
	s := New(full, slog.New(slog.DiscardHandler))
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.ServeTLS(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return l.Addr().String()
}

// trusting returns a client's side of connections to addr.
func trusting(t *testing.T, addr string) *http.Transport {
	t.Helper()
	tr := &http.Transport{
		TLSClientConfig: &tls.Config{ServerName: "shop.test", InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		},
	}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// fetch returns the body of the answer.
func fetch(t *testing.T, tr *http.Transport, req *http.Request) string {
	t.Helper()
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestTLS: plain requests are ours, HTTP/2 and everything else is net/http's, and both
// know that it was TLS.
func TestTLS(t *testing.T) {
	addr := secured(t, func(w http.ResponseWriter, req *http.Request) {
		_, ours := w.(*writer)
		_, _ = fmt.Fprint(w, req.Proto, " ", ours, " ", req.TLS != nil && req.TLS.ServerName == "shop.test")
	})
	for want, set := range map[string]func(*http.Transport, *http.Request){
		"HTTP/1.1 true true":  func(*http.Transport, *http.Request) {},
		"HTTP/1.1 false true": func(_ *http.Transport, req *http.Request) { req.Header.Set("Expect", "100-continue") },
		"HTTP/2.0 false true": func(tr *http.Transport, _ *http.Request) { tr.ForceAttemptHTTP2 = true },
	} {
		t.Run(want, func(t *testing.T) {
			tr := trusting(t, addr)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://shop.test/", nil)
			if err != nil {
				t.Fatal(err)
			}
			set(tr, req)
			if got := fetch(t, tr, req); got != want {
				t.Errorf("%q", got)
			}
		})
	}
}

// Answers that are longer than a record of TLS arrive whole, in one piece or several.
func TestLongAnswersOverTLS(t *testing.T) {
	text := strings.Repeat("0123456789abcdefg", 1<<16)
	addr := secured(t, func(w http.ResponseWriter, req *http.Request) {
		size, pieces := 0, 0
		_, _ = fmt.Sscanf(req.URL.RawQuery, "%d,%d", &size, &pieces)
		if req.URL.Path == "/known" {
			w.Header().Set("Content-Length", strconv.Itoa(size))
		}
		for i := range pieces {
			_, _ = io.WriteString(w, text[size*i/pieces:size*(i+1)/pieces])
		}
	})
	tr := trusting(t, addr)
	for _, path := range []string{"/known", "/open"} {
		for _, size := range []int{0, 1, outBuffer - 1, outBuffer, outBuffer + 1, 100 << 10, len(text)} {
			for _, pieces := range []int{1, 3} {
				address := fmt.Sprintf("https://shop.test%s?%d,%d", path, size, pieces)
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
				if err != nil {
					t.Fatal(err)
				}
				if got := fetch(t, tr, req); got != text[:size] {
					t.Errorf("%s: %d bytes, or others", address, len(got))
				}
			}
		}
	}
}
