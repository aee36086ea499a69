package doctor

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// Status is how a check ended.
type Status string

// The statuses. Only a failure keeps Sluice from working.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Failure Status = "failure"
)

// Result is what a check found.
type Result struct {
	Check  string `json:"check"`
	Status Status `json:"status"`
	Found  string `json:"found"`
	Next   string `json:"next,omitempty"` // what to do; empty when all is well
}

// Config says what the machine is to be used for.
type Config struct {
	DataDir       string
	DockerHost    string // unix:///path
	BaseDomain    string
	HTTPPort      int
	HTTPSPort     int    // 0 for none
	Listen        string // of the API
	RouterSocket  string
	Mirror        string // of Debian, a URL
	ACMEDirectory string // a URL
	MinFree       uint64 // MB
}

// Doctor runs the checks. The fields that are not Config are the machine.
type Doctor struct {
	Config

	Root     string // of the file systems /proc, /sys and /usr; "" for /
	Path     string // where programs are looked for
	Resolver Resolver
	HTTP     *http.Client
	Now      func() time.Time
	Synced   func() (bool, error) // whether the clock is set by another one
}

// Resolver looks up names.
type Resolver interface {
	LookupHost(ctx context.Context, host string) ([]string, error)
}

// limit is how long a check may take.
const limit = 10 * time.Second

// Run runs all checks at the same time and returns their results in a fixed order.
func (d *Doctor) Run(ctx context.Context) []Result {
	checks := []struct {
		name string
		do   func(context.Context) Result
	}{
		{"kernel", d.kernel},
		{"control groups", d.cgroups},
		{"programs", d.programs},
		{"engine", d.engine},
		{"data directory", d.dataDirectory},
		{"disk", d.disk},
		{"memory", d.memory},
		{"HTTP port", func(ctx context.Context) Result { return d.port(ctx, d.HTTPPort, "http") }},
		{"HTTPS port", func(ctx context.Context) Result { return d.port(ctx, d.HTTPSPort, "https") }},
		{"API port", d.api},
		{"router", d.router},
		{"DNS", d.dns},
		{"clock", d.clock},
		{"mirror", d.mirror},
		{"certificate authority", d.authority},
	}
	out := make([]Result, len(checks))
	var group errgroup.Group
	for i, c := range checks {
		group.Go(func() error {
			ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %s", limit))
			defer cancel()
			out[i] = c.do(ctx)
			out[i].Check = c.name
			return nil
		})
	}
	_ = group.Wait() // checks return results, not errors
	return out
}

// Failed reports whether a result keeps Sluice from working.
func Failed(results []Result) bool {
	return slices.ContainsFunc(results, func(r Result) bool { return r.Status == Failure })
}

// Write writes results for people.
func Write(w io.Writer, results []Result) error {
	var b strings.Builder
	for _, r := range results {
		fmt.Fprintf(&b, "%-8s %-22s %s\n", r.Status, r.Check, r.Found)
		if r.Next != "" {
			fmt.Fprintf(&b, "%-31s Next: %s\n", "", r.Next)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func fine(format string, args ...any) Result {
	return Result{Status: OK, Found: fmt.Sprintf(format, args...)}
}

func warn(next, format string, args ...any) Result {
	return Result{Status: Warning, Found: fmt.Sprintf(format, args...), Next: next}
}

func fail(next, format string, args ...any) Result {
	return Result{Status: Failure, Found: fmt.Sprintf(format, args...), Next: next}
}
