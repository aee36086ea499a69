package edge

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// overHTTP2 serves the router over TLS and returns its address.
func overHTTP2(t *testing.T, r *Router) string {
	t.Helper()
	s := httptest.NewUnstartedServer(r)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// http2Conn sends requests with pseudo headers as they are.
type http2Conn struct {
	t      *testing.T
	framer *http2.Framer
	stream uint32
}

func dialHTTP2(t *testing.T, addr string) *http2Conn {
	t.Helper()
	conn, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(5 * time.Minute))
	c := &http2Conn{t: t, framer: http2.NewFramer(conn, conn), stream: 1}
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_, err = io.WriteString(conn, http2.ClientPreface)
	if err := slices.ContainsFunc([]error{err, c.framer.WriteSettings()}, func(e error) bool { return e != nil }); err {
		t.Fatal("could not begin HTTP/2")
	}
	return c
}

// ask sends one request and returns its status, or how its stream ended. fields are pairs
// of names and values.
func (c *http2Conn) ask(body string, fields ...string) string {
	c.t.Helper()
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	all := append([]string{":scheme", "https", ":authority", "shop.test"}, fields...)
	for i := 0; i < len(all); i += 2 {
		_ = enc.WriteField(hpack.HeaderField{Name: all[i], Value: all[i+1]}) // to memory
	}
	stream := c.stream
	c.stream += 2
	err := c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: body == ""})
	if err == nil && body != "" {
		err = c.framer.WriteData(stream, true, []byte(body))
	}
	for err == nil {
		var f http2.Frame
		if f, err = c.framer.ReadFrame(); err != nil {
			break
		}
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			return f.PseudoValue("status")
		case *http2.RSTStreamFrame:
			return f.ErrCode.String()
		case *http2.GoAwayFrame:
			return "GOAWAY"
		}
	}
	c.t.Fatal(err)
	return ""
}

// heads is a backend that records the head of every request and answers 200.
func heads(t *testing.T) (addr string, next func() string) {
	t.Helper()
	seen := make(chan string, 100)
	addr = newOddBackend(t, func(turn *backendTurn) bool {
		line, _, _ := strings.Cut(turn.head, "\r\n")
		seen <- strings.TrimSuffix(line, " HTTP/1.1")
		turn.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		return !strings.HasPrefix(line, "POST") // its body is left unread
	}).addr
	return addr, func() string {
		select {
		case head := <-seen:
			return head
		default:
			return ""
		}
	}
}

func TestRequestsThatHTTP1CannotCarryAreRefused(t *testing.T) {
	backend, got := heads(t)
	r, _ := onSockets(t, Options{})
	t.Cleanup(r.Finish)
	mustPublish(t, r, to("r1", backend))
	conn := dialHTTP2(t, overHTTP2(t, r))
	for _, tt := range []struct {
		name   string
		method string
		path   string
		want   string // "" for a refusal
	}{
		{"plain", "GET", "/a?b", "GET /a?b"},
		{"other method", "PROPFIND", "/a", "PROPFIND /a"},
		{"bytes above ASCII", "GET", "/a?b=\xc3\xa9", "GET /a?b=%C3%A9"},
		{"method with a target", "GET /admin/ HTTP/1.1", "/public/", ""},
		{"method with a query", "GET /admin?x=", "/public", ""},
		{"method with a space", "GE T", "/", ""},
		{"method with a tab", "GET\t/x", "/", ""},
		{"version in the query", "GET", "/public/?x HTTP/1.1", ""},
		{"tab in the query", "GET", "/?a\tb", ""},
		{"fragment after the query", "GET", "/a?b#c", ""},
		{"fragment after the path", "GET", "/a#c", ""},
	} {
		status := conn.ask("", ":method", tt.method, ":path", tt.path)
		if head := got(); head != tt.want {
			t.Errorf("%s: the backend got %q, want %q (%s)", tt.name, head, tt.want, status)
		}
		if refused := status == "400" || status == "PROTOCOL_ERROR"; refused != (tt.want == "") {
			t.Errorf("%s: answered %s", tt.name, status)
		}
	}
}

func TestLengthsOfHTTP2BodiesAreOneNumber(t *testing.T) {
	backend, got := heads(t)
	r, _ := onSockets(t, Options{})
	t.Cleanup(r.Finish)
	mustPublish(t, r, to("r1", backend))
	addr := overHTTP2(t, r)
	for _, tt := range []struct {
		body    string
		lengths []string
		passes  bool
	}{
		{"hello", nil, true},
		{"hello", []string{"5"}, true},
		{"", []string{"0"}, true},
		{"", nil, true},
		{"hello", []string{"+5"}, false},
		{"hello", []string{"5, 5"}, false},
		{"hello", []string{"5", "0"}, false},
		{"hello", []string{""}, false},
		{"", []string{"5"}, false},
	} {
		fields := []string{":method", "POST", ":path", "/p"}
		for _, l := range tt.lengths {
			fields = append(fields, "content-length", l)
		}
		status := dialHTTP2(t, addr).ask(tt.body, fields...)
		if head := got(); (head != "") != tt.passes {
			t.Errorf("%q with lengths %q: the backend got %q, answered %s", tt.body, tt.lengths, head, status)
		}
	}
}

// TestHTTP2RequestsReuseBackendConnections: net/http says of a request without a body
// that its length is 0, and gives it a body.
func TestHTTP2RequestsReuseBackendConnections(t *testing.T) {
	const requests = 5
	seen := make(chan string, requests)
	backend := newOddBackend(t, func(turn *backendTurn) bool {
		seen <- fmt.Sprintf("connection %d, says a length: %v", turn.of, strings.Contains(turn.head, "Content-Length"))
		turn.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		return true
	})
	r, _ := onSockets(t, Options{})
	t.Cleanup(r.Finish)
	mustPublish(t, r, to("r1", backend.addr))
	conn := dialHTTP2(t, overHTTP2(t, r))
	first := ""
	for range requests {
		if status := conn.ask("", ":method", "GET", ":path", "/"); status != "200" {
			t.Fatal(status)
		}
		got := <-seen
		if first == "" {
			first = got
		}
		if got != first || !strings.HasSuffix(got, "false") {
			t.Errorf("got %s, the first request %s", got, first)
		}
	}
}

func TestClientsCannotNameTheRoutersFieldsOtherwise(t *testing.T) {
	seen := make(chan http.Header, 1)
	backend := realBackend(t, func(_ http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		h := maps.Clone(req.Header)
		for name, values := range req.Trailer {
			h["trailer "+name] = values
		}
		seen <- h
	})
	r, addr := onSockets(t, Options{})
	t.Cleanup(r.Finish)
	mustPublish(t, r, to("r1", backend))
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	send(t, c, "POST / HTTP/1.1\r\nHost: shop.test\r\nX_Forwarded_For: 6.6.6.6\r\nX-Client_Ip: 6.6.6.6\r\nTransfer_Encoding: chunked\r\n"+
		"Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"+
		"5\r\nhello\r\n0\r\nX-Sum: 1\r\nHost : evil\r\nTransfer-Encoding : chunked\r\nX-Client-Ip : 6.6.6.6\r\nCookie : a=b\r\nX_Client_Ip: 6.6.6.6\r\nX y: z\r\n\r\n")
	h := <-seen
	for name, values := range h {
		if strings.ContainsAny(name, "_") || slices.Contains(values, "6.6.6.6") || name != "trailer X-Sum" && strings.HasPrefix(name, "trailer ") {
			t.Errorf("the application got %q: %q", name, values)
		}
	}
	if h["trailer X-Sum"] == nil {
		t.Error("the trailer that is allowed did not arrive")
	}
}

func TestAbsoluteForm(t *testing.T) {
	backend, got := heads(t)
	r, addr := onSockets(t, Options{})
	t.Cleanup(r.Finish)
	mustPublish(t, r, to("r1", backend))
	for target, want := range map[string]string{
		"http://shop.test": "GET /", "http://shop.test?a=b": "GET /?a=b", "http://shop.test/x": "GET /x", "HTTPS://shop.test/x": "GET /x",
		"ftp://shop.test/x": "", "*": "", "shop.test:80": "",
	} {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(5 * time.Minute))
		send(t, c, "GET "+target+" HTTP/1.1\r\nHost: shop.test\r\n\r\n")
		text, err := io.ReadAll(c)
		_ = c.Close()
		if err != nil || strings.HasPrefix(string(text), "HTTP/1.1 200") != (want != "") {
			t.Errorf("%s: %.60q, %v", target, text, err)
		}
		if head := got(); head != want {
			t.Errorf("%s: the backend got %q", target, head)
		}
	}
}

func TestTrailersOfApplicationsDoNotSetCookies(t *testing.T) {
	backend := newOddBackend(t, func(turn *backendTurn) bool {
		turn.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, Set-Cookie\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\nSet-Cookie: a=b\r\nContent-Type: a/b\r\nLocation: /\r\n\r\n")
		return true
	})
	r, addr := onSockets(t, Options{})
	t.Cleanup(r.Finish)
	mustPublish(t, r, to("r1", backend.addr))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, siteURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := clientOf(addr, 1).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if resp.Trailer.Get("X-Sum") != "7" || resp.Trailer.Get("Set-Cookie") != "" || resp.Trailer.Get("Content-Type") != "" || resp.Trailer.Get("Location") != "" {
		t.Errorf("%v", resp.Trailer)
	}
}
