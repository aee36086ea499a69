package main

import (
	"errors"
	"testing"
	"time"
)

const wrkOutput = `Running 1s test @ http://127.0.0.1:8080/1k
  2 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     3.20ms    7.10ms  96.82ms   93.11%
    Req/Sec    10.20k     1.90k   14.11k    70.00%
  Latency Distribution
     50%  912.00us
     75%    3.51ms
     90%    7.80ms
     99%   1.25s
  20310 requests in 1.01s, 23.10MB read
Requests/sec:  20109.34
Transfer/sec:     22.87MB
`

func TestParseWrk(t *testing.T) {
	s, n, err := parseWrk(wrkOutput)
	want := sample{rate: 20109.34, p50: 912 * time.Microsecond, p99: 1250 * time.Millisecond}
	if err != nil || n != 20310 || s != want {
		t.Errorf("%+v %d %v", s, n, err)
	}
	if _, _, err := parseWrk(wrkOutput + "  Non-2xx or 3xx responses: 12\n"); !errors.Is(err, errFailedRequests) {
		t.Errorf("failed requests are no error: %v", err)
	}
	if _, _, err := parseWrk("unable to connect"); err == nil {
		t.Error("no figures are no error")
	}
}

func TestMedian(t *testing.T) {
	samples := []sample{{rate: 3}, {rate: 1}, {rate: 2}}
	if got := median(samples, rateOf); got != 2 {
		t.Error(got)
	}
}
