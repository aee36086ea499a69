package cache

import (
	"bufio"
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// answering is a server that takes prepared answers.
type answering struct {
	*httptest.ResponseRecorder
	head []byte
}

func (w *answering) WritePrepared(status int, head, body []byte) bool {
	w.Code, w.head = status, head
	_, _ = w.Body.Write(body)
	return true
}

// A prepared head says what the header would have said, at every age.
func TestPreparedHeads(t *testing.T) {
	bubble(t, func(b box) {
		app := func(w http.ResponseWriter, _ *http.Request) {
			h := w.Header()
			h.Set("Etag", `"v1"`)
			h.Set("Content-Type", "text/html")
			h["X-Twice"] = []string{"a", "b"}
			_, _ = w.Write([]byte("answer"))
		}
		ask(b.rt, get(b.t.Context(), "/a"), app)
		for range 3 {
			time.Sleep(700 * time.Millisecond)
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				req := get(b.t.Context(), "/a")
				req.Method = method
				plain, w := ask(b.rt, req, app), &answering{ResponseRecorder: httptest.NewRecorder()}
				if !b.rt.Answer(w, req, false, false) || w.head == nil {
					b.t.Fatal("not answered at once")
				}
				resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(append([]byte("HTTP/1.1 200 OK\r\n"), append(w.head, "\r\n"...)...))), req)
				if err != nil {
					b.t.Fatal(err)
				}
				_ = resp.Body.Close()
				if diff := cmp.Diff(plain.Header(), resp.Header); diff != "" || plain.Body.String() != w.Body.String() {
					b.t.Errorf("%s: (-header +prepared)\n%s%q %q", method, diff, plain.Body, w.Body)
				}
			}
		}
		req := get(b.t.Context(), "/a")
		req.Header.Set("If-None-Match", `"v1"`)
		w := &answering{ResponseRecorder: httptest.NewRecorder()}
		if b.rt.Answer(w, req, false, false); w.head != nil || w.Code != http.StatusNotModified {
			b.t.Errorf("a condition: %d", w.Code)
		}
		synctest.Wait()
	})
}
