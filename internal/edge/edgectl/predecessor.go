package edgectl

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"sluice/internal/edge"
	"sluice/internal/platform"
)

// A router that another process took over from keeps the requests that wait or are under
// way, and listens on a control socket of its own, next to the first. The successor
// passes on what it is told, so that requests which wait there are released too.

// PredecessorSocket is where the process pid listens after it was taken over from.
func PredecessorSocket(control string, pid int) string {
	return control + ".old-" + strconv.Itoa(pid)
}

// NewPredecessorServer returns the control endpoint of a router that was taken over from.
func NewPredecessorServer(router *edge.Router, log *slog.Logger) *Server {
	s := NewServer(router, log)
	s.predecessor = true
	return s
}

// FindPredecessors makes the server pass on what it is told to routers that were taken
// over from and whose sockets are next to control. This process is none of them: while it
// hands over it has such a socket, too, and may still be asked on the first.
func (s *Server) FindPredecessors(control string) {
	s.predecessors, s.own = control+".old-*", PredecessorSocket(control, os.Getpid())
}

// older returns clients of the predecessors that are still there.
func (s *Server) older() []*Client {
	if s.predecessors == "" {
		return nil
	}
	sockets, _ := filepath.Glob(s.predecessors) // the pattern is well formed
	clients := make([]*Client, 0, len(sockets))
	for _, path := range sockets {
		if path != s.own {
			clients = append(clients, NewClient(path))
		}
	}
	return clients
}

// reported does the same here and at every predecessor, at once, and returns the sum. A
// predecessor that fails is one that ends: its requests are answered or lost, and that
// cannot be changed.
func (s *Server) reported(
	ctx context.Context,
	here func(context.Context) (platform.HoldReport, error),
	there func(context.Context, *Client) (platform.HoldReport, error),
) (platform.HoldReport, error) {
	older := s.older()
	reports := make([]platform.HoldReport, len(older))
	var wg sync.WaitGroup
	for i, c := range older {
		wg.Go(func() {
			var err error
			if reports[i], err = there(ctx, c); err != nil {
				s.lost(ctx, c, err)
			}
		})
	}
	sum, err := here(ctx)
	wg.Wait()
	for _, r := range reports {
		sum = add(sum, r)
	}
	return sum, err
}

// passOn is reported for what has no report.
func (s *Server) passOn(ctx context.Context, here func(context.Context) error, there func(context.Context, *Client) error) error {
	_, err := s.reported(ctx,
		func(ctx context.Context) (platform.HoldReport, error) { return platform.HoldReport{}, here(ctx) },
		func(ctx context.Context, c *Client) (platform.HoldReport, error) {
			return platform.HoldReport{}, there(ctx, c)
		})
	return err
}

// lost removes the socket of a predecessor that is gone, and logs any other failure.
func (s *Server) lost(ctx context.Context, c *Client, err error) {
	if errors.Is(err, syscall.ECONNREFUSED) {
		_ = os.Remove(c.path)
		return
	}
	if !errors.Is(err, os.ErrNotExist) {
		s.log.WarnContext(ctx, "the previous router process did not carry out a command", slog.String("socket", c.path), slog.Any("error", err))
	}
}

// add sums what two routers report of one hold.
func add(a, b platform.HoldReport) platform.HoldReport {
	if b.StartedAt.IsZero() {
		return a
	}
	if a.StartedAt.IsZero() || b.StartedAt.Before(a.StartedAt) {
		a.StartedAt = b.StartedAt
	}
	if b.ReleasedAt.After(a.ReleasedAt) {
		a.ReleasedAt = b.ReleasedAt
	}
	a.Held += b.Held
	a.TimedOut += b.TimedOut
	a.Refused += b.Refused
	a.Left += b.Left
	a.Cut += b.Cut
	a.LongLived += b.LongLived
	a.Bypassed += b.Bypassed
	a.Cached += b.Cached
	a.LongestWait = max(a.LongestWait, b.LongestWait)
	a.Drain = max(a.Drain, b.Drain)
	if a.FirstAnswer == 0 || b.FirstAnswer > 0 && b.FirstAnswer < a.FirstAnswer {
		a.FirstAnswer = b.FirstAnswer
	}
	a.SlowestAnswer = max(a.SlowestAnswer, b.SlowestAnswer)
	return a
}

// withOlder adds what predecessors still have of an environment.
func (s *Server) withOlder(ctx context.Context, status edge.Status) edge.Status {
	for _, c := range s.older() {
		old, err := c.State(ctx, status.Environment)
		if err != nil {
			continue // it ends, or does not know the environment
		}
		status.Waiting += old.Waiting
		status.InFlight += old.InFlight
		status.LongLived += old.LongLived
		if !old.LastHold.StartedAt.IsZero() && old.LastHold.StartedAt.Equal(status.LastHold.StartedAt) {
			status.LastHold = add(status.LastHold, old.LastHold)
		}
		status.Activity = cmp.Or(status.Activity, old.Activity)
	}
	return status
}
