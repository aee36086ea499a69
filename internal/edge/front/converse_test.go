package front

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// twins are front and net/http alone, with the same limits and the same handler.
type twins struct{ ours, plain net.Addr }

// newTwins listens on "tcp", or on "unix": there, millions of connections leave no port
// occupied.
func newTwins(tb testing.TB, network string, h http.Handler) twins {
	tb.Helper()
	dir, err := os.MkdirTemp("", "front") //nolint:usetesting // the path of a socket must be short
	if err != nil {
		tb.Fatal(err)
	}
	listen := func(name string) net.Listener {
		addr := "127.0.0.1:0"
		if network == "unix" {
			addr = filepath.Join(dir, name)
		}
		l, err := (&net.ListenConfig{}).Listen(tb.Context(), network, addr)
		if err != nil {
			tb.Fatal(err)
		}
		return l
	}
	server := func() *http.Server {
		return &http.Server{
			Handler: h, DisableGeneralOptionsHandler: true, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 32 << 10,
			ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
		}
	}
	plain, ours := server(), New(server(), slog.New(slog.DiscardHandler))
	ours.keepsHanded = true
	pl, ol := listen("plain"), listen("ours")
	done := make(chan struct{}, 2)
	go func() { _ = plain.Serve(pl); done <- struct{}{} }()
	go func() { _ = ours.Serve(ol); done <- struct{}{} }()
	tb.Cleanup(func() {
		_ = errors.Join(plain.Close(), ours.Close())
		<-done
		<-done
		_ = os.RemoveAll(dir)
	})
	return twins{ours: ol.Addr(), plain: pl.Addr()}
}

// probe is the last request of every conversation: it is answered exactly when the
// connection is still open and both sides agree where the requests before it ended.
const probe = "GET /probe HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n"

// said is one answer as a client understands it.
type said struct {
	status  int
	header  string // sorted lines, without those that say the same in other words
	body    string
	trailer string
	broken  bool // the client sees that the answer is not whole
	closes  bool // the answer says that it is the connection's last
}

// converse sends text and the probe, ends its side, and returns what came back until the
// server ended the other.
func converse(tb testing.TB, addr net.Addr, text string) []said {
	tb.Helper()
	c, err := (&net.Dialer{}).DialContext(tb.Context(), addr.Network(), addr.String())
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
	go func() {
		_, _ = io.WriteString(c, text+probe)                 // a server that has closed does not want it
		_ = c.(interface{ CloseWrite() error }).CloseWrite() //nolint:errcheck // it is one
	}()
	raw, err := io.ReadAll(c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		tb.Fatalf("the connection stays open after %q", raw)
	}
	return understand(raw)
}

// understand reads answers one after the other. What is none is one that is broken.
func understand(raw []byte) (all []said) {
	src := bytes.NewReader(raw)
	in := bufio.NewReaderSize(src, 16)
	for src.Len()+in.Buffered() > 0 {
		rest := raw[len(raw)-src.Len()-in.Buffered():]
		head, _, _ := bytes.Cut(rest, []byte("\r\n\r\n"))
		method := http.MethodGet
		if bytes.Contains(head, []byte("\r\nX-Method: HEAD")) {
			method = http.MethodHead
		}
		resp, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			line, _, _ := bytes.Cut(rest, []byte("\r\n"))
			return append(all, said{broken: true, body: string(line)})
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		all = append(all, said{
			status: resp.StatusCode, header: lines(resp.Header), body: string(body), trailer: lines(resp.Trailer),
			broken: err != nil, closes: resp.Close,
		})
		if err != nil || resp.StatusCode == http.StatusSwitchingProtocols {
			return all
		}
	}
	return all
}

// lines is a header as sorted text. How a body ends, and whether the connection does, is
// compared by what became of it.
func lines(h http.Header) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		switch name {
		case "Date", "Content-Length", "Trailer":
			continue
		case "Connection":
			if slices.Equal(h[name], []string{"close"}) {
				continue
			}
		}
		for _, value := range h[name] {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	return b.String()
}

// mirror answers with all that it sees of a request, in a way that the path names.
func mirror(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("X-Method", req.Method)
	w.Header().Set("Content-Type", "text/plain")
	if req.URL.Path == "/probe" {
		return
	}
	if answer, ok := answersOf(w)[strings.TrimPrefix(req.URL.Path, "/")]; ok {
		answer(req)
		return
	}
	body, err := io.ReadAll(req.Body)
	host, header := req.Host, lines(req.Header)
	_, _ = fmt.Fprintf(w, "%s %s %s host=%q path=%q query=%q force=%v length=%d coding=%v close=%v body=%q err=%v trailer=%q\n%s",
		req.Method, req.RequestURI, req.Proto, host, req.URL.Path, req.URL.RawQuery, req.URL.ForceQuery,
		req.ContentLength, req.TransferEncoding, req.Close, body, err, lines(req.Trailer), header)
}

// answersOf are the ways to answer, by path.
func answersOf(w http.ResponseWriter) map[string]func(*http.Request) {
	write := func(s string) { _, _ = io.WriteString(w, s) }
	flush := func() { _ = http.NewResponseController(w).Flush() }
	h := w.Header()
	return map[string]func(*http.Request){
		"unread": func(*http.Request) { write("refused") },
		"partly": func(req *http.Request) { _, _ = io.CopyN(io.Discard, req.Body, 2); write("enough") },
		"closed": func(req *http.Request) { _ = req.Body.Close(); write("closed") },
		"empty":  func(*http.Request) {},
		"204":    func(*http.Request) { w.WriteHeader(http.StatusNoContent); write("x") },
		"304": func(*http.Request) {
			h.Set("Etag", `"x"`)
			h.Set("Content-Length", "9")
			w.WriteHeader(http.StatusNotModified)
			write("x")
		},
		"twice": func(*http.Request) {
			w.WriteHeader(http.StatusCreated)
			w.WriteHeader(http.StatusInternalServerError)
			write("first")
		},
		"panic":   func(*http.Request) { panic(http.ErrAbortHandler) },
		"late":    func(*http.Request) { write("begun"); flush(); panic(http.ErrAbortHandler) },
		"flush":   func(*http.Request) { write("a"); flush(); write("b"); flush(); flush() },
		"flushed": func(*http.Request) { flush() },
		"long":    func(*http.Request) { write(strings.Repeat("0123456789", 7_000)) },
		"pieces": func(*http.Request) {
			for range 3_000 {
				write("0123456789")
			}
		},
		"stated": func(*http.Request) { h.Set("Content-Length", "4"); write("fo"); flush(); write("ur") },
		"short":  func(*http.Request) { h.Set("Content-Length", "9"); write("four") },
		"length": func(*http.Request) { h.Set("Content-Length", "many"); write("four") },
		"hints": func(*http.Request) {
			h.Set("Link", "</a>")
			w.WriteHeader(http.StatusEarlyHints)
			h.Del("Link")
			write("x")
		},
		"trailer":   func(*http.Request) { flush(); h.Set(http.TrailerPrefix+"X-Sum", "7") },
		"announced": func(*http.Request) { h.Set("Trailer", "X-Sum, X-Other"); write("x"); h.Set("X-Sum", "7") },
		"prefixed":  func(*http.Request) { h.Set(http.TrailerPrefix+"X-Sum", "7"); write("x") },
		"forbidden": func(*http.Request) {
			h.Set("Trailer", "Host, if-match, X-Sum")
			write("x")
			flush()
			h.Set("X-Sum", "7")
			h.Set("Host", "a")
			h.Set("If-Match", "b")
		},
		"close":   func(*http.Request) { h.Set("Connection", "close"); write("last") },
		"closing": func(*http.Request) { h.Set("Connection", "X, close"); write("last") },
		"hop":     func(*http.Request) { h.Set("Connection", "X-Hop"); h.Set("X-Hop", "1"); write("x") },
		"split": func(*http.Request) {
			h["X-A"] = []string{" b\r\nEvil: c ", ""}
			h["X\r\nEvil"] = []string{"d"}
			h["A b"] = []string{"e"}
			h[""] = []string{"f"}
			write("x")
		},
		"many":   func(*http.Request) { h["X-A"] = []string{"1", "2"}; write("x") },
		"status": func(*http.Request) { w.WriteHeader(599); write("x") },
		"teapot": func(*http.Request) { w.WriteHeader(http.StatusTeapot) },
		"deadline": func(*http.Request) {
			c := http.NewResponseController(w)
			_ = errors.Join(c.SetReadDeadline(time.Unix(1, 0)), c.SetWriteDeadline(time.Now().Add(time.Hour)))
			write("x")
		},
	}
}
