package edge

import (
	"net"
	"testing"
	"time"
)

// maxHeldMemory is the goal for one request that waits, in bytes: heap and stacks, with
// those of the test's own end of the connection.
const maxHeldMemory = 10_000

// TestHeldRequestsNeedLittleMemory lets some wait before it measures: what the router makes once
// does not belong to what one more costs, and is made in this test when it is the first to run.
func TestHeldRequestsNeedLittleMemory(t *testing.T) {
	const first, n = 100, 400
	s := newHeldSite(t)
	var before uint64
	for i := range first + n {
		if i == first {
			s.waiting(first)
			before = memory()
		}
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		_ = c.SetDeadline(time.Now().Add(5 * time.Minute))
		send(t, c, "GET /page HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: text/html\r\nAccept-Language: de,en\r\nCookie: PHPSESSID=0123456789abcdef\r\n\r\n")
	}
	s.waiting(first + n)
	if each := (int64(memory()) - int64(before)) / n; each > maxHeldMemory*(100+raceShare)/100 {
		t.Errorf("a held request takes %d bytes", each)
	} else {
		t.Logf("a held request takes %d bytes", each)
	}
}
