package edge

import (
	"io"
	"log/slog"
	"net/http"
	"testing"
)

// faultyBody panics in the goroutine that sends it on.
type faultyBody struct{ io.ReadCloser }

func (faultyBody) Read([]byte) (int, error) { panic("a fault") }

// TestPanicOfAnUploadEndsItsRequestOnly, and not the process.
func TestPanicOfAnUploadEndsItsRequestOnly(t *testing.T) {
	r, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Finish)
	mustPublish(t, r, to("r1", realBackend(t, func(_ http.ResponseWriter, req *http.Request) { _, _ = io.Copy(io.Discard, req.Body) })))
	log := slog.New(slog.DiscardHandler)
	addr := listenOn(t, NewFront(NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodPost {
			req.Body = faultyBody{req.Body}
		}
		r.ServeHTTP(w, req)
	}), log), log))
	client := clientOf(addr, 1)
	if status, _, _, err := exchanged(t, client, http.MethodPost, http.NoBody); err != nil || status != http.StatusOK {
		t.Fatal(status, err)
	}
	if status, _, _, err := exchanged(t, client, http.MethodPost, zeroes(5)); err == nil && status == http.StatusOK {
		t.Errorf("the request was answered %d", status)
	}
	if status, _, _, err := exchanged(t, client, http.MethodGet, nil); err != nil || status != http.StatusOK {
		t.Errorf("the next request: %d, %v", status, err)
	}
	eventually(t, "nothing is under way", func() bool { s, _ := r.Status(testEnv); return s.InFlight == 0 })
}

func zeroes(n int64) io.Reader { return io.LimitReader(zeros{}, n) }
