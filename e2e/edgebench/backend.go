package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
)

// backend is an application that answers at once and costs little: what is measured is
// the way to it. It understands GET requests of well-behaved proxies and nothing else.
type backend struct {
	listener net.Listener
	addr     string
	requests atomic.Int64 // answered, to see whether a cache did its work

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	wg    sync.WaitGroup
}

// answers of the backend, ready to be written, by path.
type answers map[string][]byte

func newAnswers() answers {
	a := answers{}
	for name, size := range map[string]int{"/1k": 1 << 10, "/100k": 100 << 10, "/up": 2} {
		body := strings.Repeat("sluice! ", size/8+1)[:size]
		a[name] = fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nX-Release: r1\r\nContent-Length: %d\r\n\r\n%s", size, body)
		a["/cached"+name] = fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nX-Release: r1\r\nCache-Control: public, max-age=3600\r\nContent-Length: %d\r\n\r\n%s", size, body)
	}
	return a
}

func newBackend(ctx context.Context) (*backend, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the backend: %w", err)
	}
	b := &backend{listener: l, addr: l.Addr().String(), conns: map[net.Conn]struct{}{}}
	all := newAnswers()
	b.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b.mu.Lock()
			b.conns[c] = struct{}{}
			b.mu.Unlock()
			b.wg.Go(func() { b.serve(c, all) })
		}
	})
	return b, nil
}

// serve answers one request after the other. Requests have no body.
func (b *backend) serve(c net.Conn, all answers) {
	defer func() {
		_ = c.Close()
		b.mu.Lock()
		delete(b.conns, c)
		b.mu.Unlock()
	}()
	buf := make([]byte, 16<<10)
	n := 0
	for {
		end := bytes.Index(buf[:n], []byte("\r\n\r\n"))
		if end < 0 {
			m, err := c.Read(buf[n:])
			if err != nil || n == len(buf) {
				return
			}
			n += m
			continue
		}
		if _, err := c.Write(all.find(buf[:end])); err != nil {
			return
		}
		b.requests.Add(1)
		n = copy(buf, buf[end+4:n])
	}
}

// find returns the answer to a request.
func (a answers) find(head []byte) []byte {
	_, rest, _ := bytes.Cut(head, []byte(" "))
	path, _, _ := bytes.Cut(rest, []byte(" "))
	if answer := a[string(path)]; answer != nil {
		return answer
	}
	return []byte("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
}

func (b *backend) close() {
	_ = b.listener.Close()
	b.mu.Lock()
	for c := range b.conns {
		_ = c.Close()
	}
	b.mu.Unlock()
	b.wg.Wait()
}
