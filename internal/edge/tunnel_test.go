package edge

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

const upgradeRequest = "GET /ws HTTP/1.1\r\nHost: shop.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"

const switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"

// tunnelTo upgrades a connection and returns it with what reads from it.
func tunnelTo(t *testing.T, c net.Conn, first string) *bufio.Reader {
	t.Helper()
	t.Cleanup(func() { _ = c.Close() })
	go func() { _, _ = io.WriteString(c, upgradeRequest+first) }()
	in := bufio.NewReader(c)
	resp, err := http.ReadResponse(in, nil) //nolint:bodyclose // a 101 has none
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v %v", resp, err)
	}
	return in
}

// upgraded hands the backend's end of an upgraded connection to f.
func upgraded(f func(c net.Conn, in io.Reader)) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		f(c, rw)
	}
}

// TestWebSocketLivesOn: how long an answer may take says nothing about a conversation.
func TestWebSocketLivesOn(t *testing.T) {
	inWorld(t, func(w *world) {
		w.backend("r1", upgraded(func(c net.Conn, in io.Reader) {
			_, _ = io.WriteString(c, switching)
			_, _ = io.Copy(c, in)
		}))
		p := publication("r1")
		p.Routes[0].Timeout = 10 * time.Second
		if _, err := w.router.Publish(context.WithoutCancel(w.t.Context()), p); err != nil {
			t.Fatal(err)
		}
		c, err := w.net.dial(w.t.Context(), "", "router:80")
		if err != nil {
			t.Fatal(err)
		}
		in := tunnelTo(w.t, c, "")
		for _, pause := range []time.Duration{0, 9 * time.Second, time.Hour} {
			time.Sleep(pause)
			if _, err := io.WriteString(c, "ping\n"); err != nil {
				t.Fatalf("after %s: %v", pause, err)
			}
			if line, err := in.ReadString('\n'); line != "ping\n" {
				t.Fatalf("after %s: %q %v", pause, line, err)
			}
		}
		_ = c.Close()
	})
}

// TestNoOtherVersionOfHTTPIsSwitchedTo: within it, requests would go past holds and access
// control.
func TestNoOtherVersionOfHTTPIsSwitchedTo(t *testing.T) {
	onBoth(t, func(t *testing.T, start starter) {
		t.Helper()
		r, addr := start(t, Options{})
		mustPublish(t, r, to("r1", realBackend(t, func(w http.ResponseWriter, req *http.Request) {
			_, _ = io.WriteString(w, strings.Join([]string{req.Header.Get("Upgrade"), req.Header.Get("Connection"), req.Header.Get("Http2-Settings")}, "|"))
		})))
		for offer, seen := range map[string]string{"h2c": "||", "H2C, websocket": "||", "HTTP/2.0": "||", "TLS/1.2": "||", "websocket": "websocket|Upgrade|"} {
			c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			send(t, c, "GET / HTTP/1.1\r\nHost: shop.test\r\nUpgrade: "+offer+"\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nConnection: Upgrade\r\n\r\n")
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			if cerr := errors.Join(err, resp.Body.Close(), c.Close()); cerr != nil || string(body) != seen {
				t.Errorf("%s: the application saw %q %v", offer, body, cerr)
			}
		}
	})
}

// TestTunnelCarriesWhatCameEarly: what both sides said before the switch was complete
// arrives, and one side may end while the other still speaks.
func TestTunnelCarriesWhatCameEarly(t *testing.T) { onBoth(t, testTunnelCarriesWhatCameEarly) }

func testTunnelCarriesWhatCameEarly(t *testing.T, start starter) {
	t.Helper()
	heard := make(chan string, 1)
	r, addr := start(t, Options{})
	mustPublish(t, r, to("r1", realBackend(t, upgraded(func(c net.Conn, in io.Reader) {
		_, _ = io.WriteString(c, switching+"early from the backend\n")
		all, _ := io.ReadAll(in) // until the client ends its side
		heard <- string(all)
		_, _ = io.WriteString(c, "late from the backend\n")
	}))))
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
	in := tunnelTo(t, c, "early from the client\n")
	if line, err := in.ReadString('\n'); line != "early from the backend\n" {
		t.Errorf("%q %v", line, err)
	}
	_ = c.(*net.TCPConn).CloseWrite() //nolint:errcheck // it is one
	if got := <-heard; got != "early from the client\n" {
		t.Errorf("the backend heard %q", got)
	}
	if rest, err := io.ReadAll(in); string(rest) != "late from the backend\n" {
		t.Errorf("%q %v", rest, err)
	}
	eventually(t, "nothing is long-lived any more", func() bool { s, _ := r.Status(testEnv); return s.LongLived == 0 })
}
