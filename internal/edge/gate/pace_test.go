package gate

import (
	"net/http"
	"testing"
	"time"
)

// client is one that nothing is known of.
type client struct{}

func (client) Operator() bool      { return false }
func (client) Gone() bool          { return false }
func (client) Unwatched() bool     { return false }
func (client) CutWrites(time.Time) {}

func TestPaceGoesDownWhenTheBackendIsOverloaded(t *testing.T) {
	p := &pace{window: 64, out: 3}
	p.answered(http.StatusServiceUnavailable)
	p.answered(0)
	if p.window != 16 || p.out != 1 {
		t.Errorf("pace %+v", p)
	}
	g := New(&Metrics{}, func() {})
	left := &Ticket{paced: p}
	left.Init(g, client{})
	left.Cancel(ErrLeft)
	g.makeRoom(left, 0)
	if p.window != 16 || p.out != 0 {
		t.Errorf("a client that left slowed the release down: pace %+v", p)
	}
}
