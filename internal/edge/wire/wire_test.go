package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// read is what the package makes of a response on a connection.
func read(src io.Reader, method string) (r Response, body string, trailer []Field, err error) {
	in := Reader{Src: src}
	head, err := in.Head(64 << 10)
	if err != nil {
		return r, "", nil, err
	}
	if r, err = ParseResponse(head, method, nil); err != nil {
		return r, "", nil, err
	}
	b := r.Body(&in)
	var all []byte
	for {
		p, err := b.Next()
		if errors.Is(err, io.EOF) {
			return r, string(all), b.Trailer, nil
		}
		if err != nil {
			return r, string(all), nil, err
		}
		all = append(all, p...)
	}
}

// FuzzResponse compares with net/http: what this package takes for a whole response,
// net/http must take for the same one. This package may refuse more.
func FuzzResponse(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: b\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nT: 1\r\n\r\n",
		"HTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nuntil the end",
		"HTTP/1.1 200 OK\nA: b\n  c\n\nx",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	} {
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, head bool) {
		method := http.MethodGet
		if head {
			method = http.MethodHead
		}
		got, body, trailer, err := read(bytes.NewReader(data), method)
		slow, slowBody, slowTrailer, slowErr := read(iotest.OneByteReader(bytes.NewReader(data)), method)
		if (err == nil) != (slowErr == nil) || err == nil && (body != slowBody || got.Status != slow.Status || !slices.Equal(got.Fields, slow.Fields) || !slices.Equal(trailer, slowTrailer)) {
			t.Fatalf("it depends on the pieces: %v %v", err, slowErr)
		}
		if err != nil || got.Status < 200 {
			return
		}
		want, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(data)), &http.Request{Method: method})
		if err != nil {
			if strings.Contains(err.Error(), "malformed MIME header") || strings.Contains(err.Error(), "invalid header") {
				return // net/http refuses some values that hurt nobody
			}
			t.Fatalf("net/http refuses what we take: %v", err)
		}
		wantBody, err := io.ReadAll(want.Body)
		_ = want.Body.Close()
		if got.KeepAlive && (err != nil || string(wantBody) != body || want.StatusCode != got.Status) {
			t.Fatalf("net/http sees %d %q %v, we %d %q", want.StatusCode, wantBody, err, got.Status, body)
		}
	})
}

func TestReaderStopsAtItsLimits(t *testing.T) {
	endless := io.MultiReader(strings.NewReader("HTTP/1.1 200 OK\r\nA: "), &repeat{'x'})
	if _, err := (&Reader{Src: endless}).Head(32 << 10); !errors.Is(err, ErrTooLarge) {
		t.Errorf("head: %v", err)
	}
	for name, chunks := range map[string]string{"chunk line": "", "trailer": "0\r\nA: "} {
		src := io.MultiReader(strings.NewReader("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+chunks), &repeat{'1'})
		if _, _, _, err := read(src, "GET"); !errors.Is(err, ErrTooLarge) && !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// repeat is an endless reader.
type repeat struct{ c byte }

func (r *repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = r.c
	}
	return len(p), nil
}

func TestBulkKeepsWhatIsBuffered(t *testing.T) {
	body := strings.Repeat("0123456789", 50_000)
	in := Reader{Src: strings.NewReader("HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n" + body + "next")}
	head, err := in.Head(1 << 10)
	if err != nil {
		t.Fatal(err)
	}
	r, err := ParseResponse(head, "GET", nil)
	if err != nil {
		t.Fatal(err)
	}
	in.Bulk()
	b := r.Body(&in)
	var got strings.Builder
	for !b.Done() {
		p, err := b.Next()
		if err != nil {
			t.Fatal(err)
		}
		got.Write(p)
	}
	if got.String() != body {
		t.Error("the body is another")
	}
	if p, err := in.next(4); string(p) != "next" || err != nil {
		t.Errorf("%q %v behind it", p, err)
	}
	in.Idle()
	if in.Buffered() != 0 {
		t.Error("an idle reader has something")
	}
}
