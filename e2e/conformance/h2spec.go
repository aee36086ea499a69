package main

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"

	"sluice/internal/platform"
)

// runH2Spec runs all of h2spec against the router's TLS port.
func runH2Spec(ctx context.Context, r *router, o options) (outcome, error) {
	origin, stop, err := startOrigin(ctx)
	if err != nil {
		return outcome{}, err
	}
	defer stop()
	if err := r.publish(ctx, "https://127.0.0.1/", platform.RouteCache{}, origin); err != nil {
		return outcome{}, err
	}
	host, port, err := net.SplitHostPort(r.tls)
	if err != nil {
		return outcome{}, err
	}
	result := filepath.Join(r.dir, "h2spec.xml")
	out, err := exec.CommandContext(ctx, o.h2spec, "-t", "-k", "-h", host, "-p", port, "-o", "10", "-j", result).CombinedOutput() //nolint:gosec // the operator names the program
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) { // it ends with 1 when a check fails
		return outcome{}, err
	}
	b, err := os.ReadFile(result) //nolint:gosec // our own directory
	if err != nil {
		return outcome{}, fmt.Errorf("%w; it printed: %s", err, out)
	}
	return parseJUnit(b)
}

// junit is the part of h2spec's report that is read.
type junit struct {
	Suites []struct {
		Package string `xml:"package,attr"`
		Cases   []struct {
			Name    string  `xml:"classname,attr"`
			Skipped *string `xml:"skipped"`
			Failure *string `xml:"failure"`
			Error   *string `xml:"error"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

var errNoChecks = errors.New("no check ran")

// parseJUnit names a check by its section and its place in it: http2/4.2/1.
func parseJUnit(b []byte) (outcome, error) {
	var doc junit
	if err := xml.Unmarshal(b, &doc); err != nil {
		return outcome{}, err
	}
	got := outcome{failed: map[string]string{}}
	for _, s := range doc.Suites {
		for i, c := range s.Cases {
			if c.Skipped != nil {
				continue
			}
			got.ran++
			if c.Failure != nil || c.Error != nil {
				got.failed[fmt.Sprintf("%s/%d", s.Package, i+1)] = c.Name
			}
		}
	}
	if got.ran == 0 {
		return outcome{}, errNoChecks
	}
	return got, nil
}
