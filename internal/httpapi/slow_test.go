package httpapi_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"sluice/internal/httpapi"
	"sluice/internal/httpapi/httpapitest"
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
