package cache

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/platform"

	"github.com/dlclark/regexp2"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the expected lines of testdata")

// TestRules plays testdata/*.txtar. A file is one topic of the rules; a section "ID" is one
// rule, with these lines:
//
//	cache KEY=VALUE…   the route's section: ttl, cookies, headers (lists with commas)
//	> METHOD PATH      a request, with its headers in further > lines
//	< STATUS           what the application answers from now on, headers in further < lines
//	wait DURATION      time goes by
//	hold, release      while held, only what the cache has is seen
//	purge URL          removes; purge* by prefix; drop: all and for good
//	= …                what the visitor got; written by -update
func TestRules(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no rules", err)
	}
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i := range ar.Files {
			rule := &ar.Files[i]
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar")+"/"+rule.Name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					got := play(t, string(rule.Data))
					if *update {
						rule.Data = []byte(got)
					} else if diff := cmp.Diff(string(rule.Data), got); diff != "" {
						t.Errorf("(-want +got)\n%s", diff)
					}
				})
			})
		}
		if *update {
			if err := os.WriteFile(file, txtar.Format(ar), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// stage is one rule being played.
type stage struct {
	t      *testing.T
	cache  *Cache
	zone   *Zone
	route  *Route
	held   bool
	answer []string // the application's, from now on
	asked  int
	saw    string // what the application was asked, beside the path
}

func play(t *testing.T, script string) string {
	t.Helper()
	s := &stage{t: t, answer: []string{"200"}}
	c, err := New(Options{Renew: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { s.serve(w, req) })})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	defer regexp2.StopTimeoutClock() // it sleeps on inside the bubble
	s.cache, s.zone = c, c.NewZone()
	s.section("")
	var out strings.Builder
	lines := bufio.NewScanner(strings.NewReader(script))
	var request, answer []string
	settle := func() {
		if len(answer) > 0 {
			s.answer, answer = answer, nil
		}
		if len(request) > 0 {
			out.WriteString("= " + s.visit(request) + "\n")
			request = nil
		}
	}
	for lines.Scan() {
		line := lines.Text()
		verb, rest, _ := strings.Cut(line, " ")
		if verb == "=" {
			continue
		}
		if verb == ">" && isRequest(rest) || verb != ">" && (verb != "<" || len(request) > 0) {
			settle()
		}
		out.WriteString(line + "\n")
		switch verb {
		case ">":
			request = append(request, rest)
		case "<":
			answer = append(answer, rest)
		default:
			s.do(verb, rest)
		}
	}
	settle()
	return out.String()
}

// isRequest tells "GET /a" from "X-Header: /a".
func isRequest(s string) bool {
	method, path, _ := strings.Cut(s, " ")
	return strings.HasPrefix(path, "/") && !strings.HasSuffix(method, ":")
}

func (s *stage) do(verb, rest string) {
	switch verb {
	case "", "#":
	case "cache":
		s.section(rest)
	case "wait":
		d, err := time.ParseDuration(rest)
		if err != nil {
			s.t.Fatal(err)
		}
		time.Sleep(d)
		synctest.Wait()
	case "hold", "release":
		s.held = verb == "hold"
	case "purge", "purge*":
		if _, err := s.zone.PurgeURL(rest, verb == "purge*"); err != nil {
			s.t.Fatal(err)
		}
	case "drop":
		s.zone.Drop()
	default:
		s.t.Fatalf("unknown line %q %q", verb, rest)
	}
}

// section sets the route's cache section.
func (s *stage) section(spec string) {
	c := platform.RouteCache{Enabled: true, Cookies: []string{"*"}, Headers: []string{"Accept", "Accept-Language"}}
	for kv := range strings.FieldsSeq(spec) {
		k, v, _ := strings.Cut(kv, "=")
		list := []string{}
		if v != "" {
			list = strings.Split(v, ",")
		}
		switch k {
		case "ttl":
			c.DefaultTTL, _ = strconv.Atoi(v)
		case "cookies":
			c.Cookies = list
		case "headers":
			c.Headers = list
		case "off":
			c.Enabled = false
		default:
			s.t.Fatalf("unknown key %q", k)
		}
	}
	var err error
	if s.route, err = s.zone.Route(c); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) serve(w http.ResponseWriter, req *http.Request) {
	secure := req.TLS != nil
	if s.route.Answer(w, req, secure, s.held) {
		return
	}
	if s.held {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	s.route.Fill(w, req, secure, http.HandlerFunc(s.application))
}

// application answers as the script says. Its body is the number of the answer.
func (s *stage) application(w http.ResponseWriter, req *http.Request) {
	s.asked++
	s.saw = ""
	for _, h := range []string{"If-None-Match", "If-Modified-Since", "Range"} {
		if v := req.Header.Get(h); v != "" {
			s.saw += fmt.Sprintf(" %s(%s)", h, v)
		}
	}
	status, _ := strconv.Atoi(s.answer[0])
	for _, line := range s.answer[1:] {
		k, v, _ := strings.Cut(line, ": ")
		w.Header().Add(k, v)
	}
	w.WriteHeader(status)
	if status != http.StatusNotModified && status != http.StatusNoContent && req.Method != http.MethodHead {
		_, _ = fmt.Fprintf(w, "answer %d", s.asked)
	}
}

// visit sends a request and describes what came back.
func (s *stage) visit(lines []string) string {
	method, path, _ := strings.Cut(lines[0], " ")
	scheme := "http"
	req := httptest.NewRequestWithContext(s.t.Context(), method, path, nil)
	req.Host = "shop.test"
	for _, line := range lines[1:] {
		switch k, v, _ := strings.Cut(line, ": "); k {
		case "Host":
			req.Host = v
		case "Scheme":
			scheme = v
		case "Body":
			req.Body, req.ContentLength = io.NopCloser(strings.NewReader(v)), int64(len(v))
		default:
			req.Header.Add(k, v)
		}
	}
	if scheme == "https" {
		req.TLS = httptest.NewRequestWithContext(s.t.Context(), method, "https://x/", nil).TLS
	}
	before := s.asked
	w := httptest.NewRecorder()
	s.serve(w, req)
	synctest.Wait() // for what happens in the background
	resp := w.Result()
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%d %s %q", resp.StatusCode, resp.Header.Get(ownHeader), body)
	for _, h := range []string{platformHeader, "Age", "Set-Cookie", "Content-Range"} {
		if v := resp.Header.Get(h); v != "" && (h != platformHeader || v != resp.Header.Get(ownHeader)) {
			fmt.Fprintf(&out, " %s=%s", h, v)
		}
	}
	if s.asked > before {
		out.WriteString(" asked" + s.saw)
	}
	return out.String()
}
