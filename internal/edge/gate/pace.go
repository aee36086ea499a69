package gate

import "time"

// A release lets waiting requests go the way TCP starts a connection: a few at first, two
// more for each that is answered, half as many when the backend says that it is too much (502, 503, 504).
// A new release has cold caches, and what waits behind a full listen queue of the
// backend would be answered 502.
const (
	paceStart = 16
	paceMax   = 256
	paceMin   = 4

	// paceStall is how long nothing may move before paceStart more are let go: requests
	// that take long by nature must not keep the others waiting.
	paceStall = time.Second
)

// pace is one paced release. It belongs to its gate's lock.
type pace struct {
	window int // let go and not answered yet, at most
	out    int
	stall  *time.Timer
}

// answered takes back one place. status is 0 when there was no answer.
func (p *pace) answered(status int) {
	p.out--
	switch status {
	case 0, 502, 503, 504:
		p.window = max(p.window/2, paceMin)
	default:
		p.window = min(p.window+1, paceMax)
	}
}
