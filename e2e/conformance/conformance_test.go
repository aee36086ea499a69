package main

import (
	"strings"
	"testing"
)

func TestJUnitNamesFailuresByTheirSection(t *testing.T) {
	got, err := parseJUnit([]byte(`<testsuites>
		<testsuite package="http2/4.2"><testcase classname="fits"></testcase><testcase classname="too large"><failure>x</failure></testcase></testsuite>
		<testsuite package="http2/5.1"><testcase classname="not run"><skipped></skipped></testcase><testcase classname="broke"><error>y</error></testcase></testsuite>
	</testsuites>`))
	if err != nil {
		t.Fatal(err)
	}
	if got.ran != 3 || len(got.failed) != 2 || got.failed["http2/4.2/2"] != "too large" || got.failed["http2/5.1/2"] != "broke" {
		t.Errorf("got %+v", got)
	}
	if _, err := parseJUnit([]byte(`<testsuites></testsuites>`)); err == nil {
		t.Error("a report without checks was accepted")
	}
}

func TestOnlyRequiredChecksThatRanAreJudged(t *testing.T) {
	got, err := judge([]string{"a", "b", "c", "d"}, []byte(`noise {"a": true, "b": ["Assertion", "no"], "c": ["Setup", "cannot"], "optional": ["Assertion", "no"]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got.ran != 2 || len(got.failed) != 1 || got.failed["b"] != "Assertion: no" {
		t.Errorf("got %+v", got)
	}
}

func TestReportTellsBothWaysToDiffer(t *testing.T) {
	for _, tc := range []struct {
		name   string
		failed map[string]string
		same   bool
		says   string
	}{
		{"as expected", map[string]string{"x": "no"}, true, "expected    x: by design"},
		{"one more", map[string]string{"x": "no", "y": "no"}, false, "UNEXPECTED  y: no"},
		{"one fewer", nil, false, "PASSES NOW  x"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out strings.Builder
			if same := report(&out, "suite", outcome{ran: 3, failed: tc.failed}, map[string]string{"x": "by design"}); same != tc.same {
				t.Errorf("same = %t", same)
			}
			if !strings.Contains(out.String(), tc.says) {
				t.Errorf("%q is not in:\n%s", tc.says, out.String())
			}
		})
	}
}
