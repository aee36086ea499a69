package edge

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice/internal/platform"
)

// TestCutEndsAnAnswerThatNobodyReads: a client that takes nothing must not keep every
// deployment waiting.
func TestCutEndsAnAnswerThatNobodyReads(t *testing.T) {
	onBoth(t, func(t *testing.T, start starter) {
		t.Helper()
		r, addr := start(t, Options{})
		mustPublish(t, r, to("r1", realBackend(t, func(w http.ResponseWriter, _ *http.Request) {
			piece := strings.Repeat("x", 64<<10)
			for {
				if _, err := io.WriteString(w, piece); err != nil {
					return
				}
			}
		})))
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		send(t, c, "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n")
		eventually(t, "it is answered", func() bool { s, _ := r.Status(testEnv); return s.InFlight == 1 })
		report, err := r.Hold(t.Context(), platform.Hold{Environment: testEnv, Activity: "a1", DrainTimeout: 50 * time.Millisecond})
		if err != nil || report.Cut != 1 {
			t.Errorf("%+v %v", report, err)
		}
		eventually(t, "nothing is under way", func() bool { s, _ := r.Status(testEnv); return s.InFlight == 0 })
	})
}
