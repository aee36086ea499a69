package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"sluice/apiv1"
	"sluice/e2e/loadgen"
)

// TestPushUnderLoad pushes a new release of the storefront while 200 visitors look at the
// front page and 20 order: no visitor may see an error, every response comes from the old or the
// new release, and every order is in the database exactly once.
func TestPushUnderLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the container engine")
	}
	m := newMachine(t)
	s := m.newShop("shop", "../examples/storefront")
	s.deployed()
	before := s.release()

	var during []apiv1.Activity
	report := s.underLoad(loadgen.Options{GetClients: 200, PostClients: 20}, func() {
		s.write("templates/marker.txt", "second")
		s.commit("second")
		during = append(during, s.deployed())
		out := s.sluice("environment:redeploy", "--yes", "-p", s.project, "-e", "main")
		if !strings.Contains(out, "result=success") {
			t.Errorf("the redeployment failed:\n%s", out)
		}
		during = append(during, s.last())
	})
	after := s.release()
	t.Logf("%v", report)

	if n := report.Failed(); n != 0 {
		t.Errorf("%d requests failed, the first: %+v", n, report.Failures[0])
	}
	if before == after {
		t.Errorf("the release did not change: %s", after)
	}
	for release, n := range report.ByRelease {
		if release != before && release != after {
			t.Errorf("%d answers came from %q, neither the old %q nor the new %q", n, release, before, after)
		}
	}
	if got := s.orders(); got != report.Posts.Answered {
		t.Errorf("%d orders are in the database, %d were acknowledged", got, report.Posts.Answered)
	}
	if report.Held == 0 {
		t.Error("no request was held although the site was under load")
	}
	for _, a := range during {
		if a.Hold == nil || a.Hold.Held == 0 {
			t.Errorf("activity %s does not say how many were held: %+v", a.ID, a.Hold)
			continue
		}
		t.Logf("activity %s: %+v, timings %+v", a.ID, *a.Hold, a.Timings)
		if log := s.sluice("activity:log", a.ID); !strings.Contains(log, "Requests were held for") || !strings.Contains(log, "the longest") {
			t.Errorf("the log does not say what the hold cost:\n%s", log)
		}
	}
}

// underLoad lets visitors use the site while f runs.
func (s *shop) underLoad(opts loadgen.Options, f func()) loadgen.Report {
	s.t.Helper()
	opts.BaseURL = cmp.Or(opts.BaseURL, s.address())
	opts.Fields = url.Values{"sku": {"enamel-mug"}}
	ctx, stop := context.WithCancelCause(s.t.Context())
	type outcome struct {
		report loadgen.Report
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		r, err := loadgen.Run(ctx, opts)
		done <- outcome{r, err}
	}()
	f()
	stop(errors.New("the visitors go home"))
	o := <-done
	if o.err != nil {
		s.t.Fatal(o.err)
	}
	return o.report
}

// release is the one that answers now.
func (s *shop) release() string {
	s.t.Helper()
	var who struct {
		Release string `json:"release"`
	}
	status, body := s.get(s.address() + "/whoami")
	if err := json.Unmarshal([]byte(body), &who); err != nil {
		s.t.Fatalf("whoami: status %d: %v\n%s", status, err, body)
	}
	return who.Release
}

func (s *shop) orders() int {
	s.t.Helper()
	var orders struct {
		Count int `json:"count"`
	}
	status, body := s.get(s.address() + "/orders/count")
	if err := json.Unmarshal([]byte(body), &orders); err != nil {
		s.t.Fatalf("orders: status %d: %v\n%s", status, err, body)
	}
	return orders.Count
}
