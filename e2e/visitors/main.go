// Command visitors uses a site with e2e/loadgen until it gets SIGTERM, or SIGINT, and then
// prints what its visitors saw, as one line of JSON. It is for scripts that measure.
package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"sluice/e2e/loadgen"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "visitors:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("visitors", flag.ContinueOnError)
	base := flags.String("url", "", "URL of the site, without a path")
	paths := flags.String("paths", "/", "paths to request, separated by commas; each has its own visitors")
	authority := flags.String("authority", "", "PEM file with the authority of an https site")
	clients := flags.Int("clients", 2, "visitors of each path")
	pause := flags.Duration("pause", 250*time.Millisecond, "what a visitor waits between two requests")
	if err := flags.Parse(args); err != nil {
		return err
	}
	opts := loadgen.Options{BaseURL: strings.TrimRight(*base, "/"), GetClients: *clients, Pause: *pause}
	if *authority != "" {
		pem, err := os.ReadFile(*authority)
		if err != nil {
			return err
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		opts.TLS = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	seen, err := visit(ctx, opts, strings.Split(*paths, ","))
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(seen)
}

// seen is what all visitors saw. Times are seconds.
type seen struct {
	Requests int      `json:"requests"`
	Failed   int      `json:"failed"`
	Held     int      `json:"held"`
	Longest  float64  `json:"longest_hold"` // of one request, as the router says
	Slowest  float64  `json:"slowest"`      // response, the hold included
	P50      float64  `json:"p50"`          // of the slowest path
	P99      float64  `json:"p99"`          // of the slowest path
	Failures []string `json:"failures"`     // the first of each path
}

func visit(ctx context.Context, opts loadgen.Options, paths []string) (seen, error) {
	reports, errs := make([]loadgen.Report, len(paths)), make([]error, len(paths))
	var all sync.WaitGroup
	for i, path := range paths {
		o := opts
		o.GetPath = path
		all.Go(func() { reports[i], errs[i] = loadgen.Run(ctx, o) })
	}
	all.Wait()
	s := seen{Failures: []string{}}
	for i, r := range reports {
		s.Requests += r.Gets.Answered + r.Gets.Failed
		s.Failed += r.Failed()
		s.Held += r.Held
		s.Longest = max(s.Longest, r.LongestWait.Seconds())
		s.Slowest = max(s.Slowest, r.Latency.Max.Seconds())
		s.P50, s.P99 = max(s.P50, r.Latency.P50.Seconds()), max(s.P99, r.Latency.P99.Seconds())
		if len(r.Failures) > 0 {
			s.Failures = append(s.Failures, fmt.Sprintf("%s: %v", paths[i], r.Failures[0].Err))
		}
	}
	return s, cmp.Or(errs...)
}
