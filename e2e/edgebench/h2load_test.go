package main

import (
	"errors"
	"strings"
	"testing"
	"time"
)

const h2report = `
finished in 3.00s, 12345.67 req/s, 13.20MB/s
requests: 37037 total, 37037 started, 37037 done, 37037 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 37037 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 39.60MB (41523456) total, 1.20MB (1258291) headers (space savings 90.00%), 36.17MB (37926912) data
`

func TestParseH2load(t *testing.T) {
	s, n, err := parseH2load(h2report)
	if err != nil || n != 37037 || s.rate != 12345.67 {
		t.Errorf("%+v %d %v", s, n, err)
	}
	for _, change := range []struct{ from, to string }{{"0 failed", "3 failed"}, {"0 timeout", "1 timeout"}, {"0 5xx", "2 5xx"}} {
		if _, _, err := parseH2load(strings.Replace(h2report, change.from, change.to, 1)); !errors.Is(err, errFailedRequests) {
			t.Errorf("%s: %v", change.to, err)
		}
	}
	if _, _, err := parseH2load("nothing"); !errors.Is(err, errNoFigures) {
		t.Error(err)
	}
	var log strings.Builder
	for n := 1; n <= 100; n++ {
		log.WriteString("1700000000 200 " + strings.Repeat("1", 1+n/100) + "\n")
	}
	if p50, p99, err := percentiles(strings.NewReader(log.String())); err != nil || p50 != time.Microsecond || p99 != time.Microsecond {
		t.Errorf("%v %v %v", p50, p99, err)
	}
}
