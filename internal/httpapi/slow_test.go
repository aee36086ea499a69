package httpapi_test

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/httpapi"
	"sluice/internal/httpapi/httpapitest"
	"sluice/internal/platform"
)

// TestASlowBodyIsCut: of someone who may, half of it.
func TestASlowBodyIsCut(t *testing.T) {
	server := httptest.NewServer(httpapi.New(httpapitest.New().Ports(), httpapi.Config{BodyTimeout: 10 * time.Millisecond}))
	defer server.Close()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, "POST /api/projects HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+httpapitest.Admin+"\r\nContent-Length: 1000\r\n\r\n{\"id\":")
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("got %s", resp.Status)
	}
}

// TestAClientThatReadsNothingIsCut: a log of 40 MB, of which only buffers fill.
func TestAClientThatReadsNothingIsCut(t *testing.T) {
	p := httpapitest.New()
	p.AddActivity(platform.Activity{ID: "long"}, slices.Repeat([]string{strings.Repeat("x", 10_000)}, 4000)...)
	h := httpapi.New(p.Ports(), httpapi.Config{WriteTimeout: 10 * time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		h.ServeHTTP(w, r)
	}))
	defer server.Close()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, "GET /api/activities/long/log HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+httpapitest.Admin+"\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	<-ended // without a deadline, never
}

// TestTheBodyOfAStrangerIsNotWaitedFor: the response comes before the body, and the
// connection ends.
func TestTheBodyOfAStrangerIsNotWaitedFor(t *testing.T) {
	server := httptest.NewServer(newHandler(httpapitest.New(), io.Discard))
	defer server.Close()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "POST /api/projects HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("got %s, %v", resp.Status, err)
	}
	if _, err := in.ReadByte(); err == nil {
		t.Error("the connection goes on")
	}
}
