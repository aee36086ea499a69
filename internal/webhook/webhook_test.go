package webhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/platform"
	"sluice/internal/webhook"
)

// records keep one integration of each ID, with the deliveries to it.
type records struct {
	mu           sync.Mutex
	integrations map[string]platform.Integration
	deliveries   []platform.Delivery
	done         chan platform.Delivery
}

func (r *records) Integration(_ context.Context, id string) (platform.Integration, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i, ok := r.integrations[id]
	if !ok {
		return i, platform.Errorf(platform.CodeNotFound, "integration %q not found", id)
	}
	return i, nil
}

func (r *records) DueDeliveries(context.Context) ([]platform.Delivery, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var due []platform.Delivery
	for _, d := range r.deliveries {
		if !d.Done && !d.NextAt.After(time.Now()) && !slices.ContainsFunc(due, func(o platform.Delivery) bool { return o.Integration == d.Integration }) {
			due = append(due, d)
		}
	}
	return due, nil
}

func (r *records) SaveDelivery(_ context.Context, d platform.Delivery) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deliveries[slices.IndexFunc(r.deliveries, func(o platform.Delivery) bool { return o.ID == d.ID })] = d
	if d.Done {
		r.done <- d
	}
	return nil
}

// run sends a delivery to each URL and returns what came of them, by URL.
func run(t *testing.T, o webhook.Options, key string, urls ...string) map[string]platform.Delivery {
	t.Helper()
	r := &records{integrations: map[string]platform.Integration{}, done: make(chan platform.Delivery, len(urls))}
	for _, url := range urls {
		r.integrations[url] = platform.Integration{ID: url, Project: "shop", Type: platform.Webhook, URL: url, SharedKey: key}
		r.deliveries = append(r.deliveries, platform.Delivery{ID: "to-" + url, Integration: url, Activity: platform.Activity{ID: "a1"}})
	}
	o.Render = func(_ context.Context, a platform.Activity) ([]byte, error) {
		return []byte(`{"id":"` + a.ID + `"}`), nil
	}
	o.Poll, o.Log, o.Agent = time.Millisecond, slog.New(slog.DiscardHandler), "Sluice/test"
	if o.Delays == nil {
		o.Delays = []time.Duration{0, time.Millisecond}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	var service sync.WaitGroup
	service.Go(func() { webhook.New(r, o).Run(ctx) })
	out := map[string]platform.Delivery{}
	for range urls {
		d := <-r.done
		out[d.Integration] = d
	}
	cancel(nil)
	service.Wait()
	return out
}

func loopback() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

// receiver is a real HTTP server that responds with the statuses in turn, the last one for ever.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	statuses []int
	requests []*http.Request
	bodies   []string
}

func newReceiver(t *testing.T, statuses ...int) *receiver {
	t.Helper()
	r := &receiver{statuses: statuses}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, _ := io.ReadAll(req.Body)
	r.requests, r.bodies = append(r.requests, req), append(r.bodies, string(body))
	status := r.statuses[0]
	if len(r.statuses) > 1 {
		r.statuses = r.statuses[1:]
	}
	w.Header().Set("Location", "/elsewhere")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "thank you")
}

func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.requests)
}

func TestAnEventIsSentAndSigned(t *testing.T) {
	r := newReceiver(t, http.StatusNoContent)
	d := run(t, webhook.Options{Allowed: loopback()}, "s3cret", r.URL+"/hook?a=b")[r.URL+"/hook?a=b"]
	if !d.Done || !d.Delivered || len(d.Attempts) != 1 || d.Attempts[0].Status != http.StatusNoContent || d.Attempts[0].Problem != "" {
		t.Errorf("delivery %+v", d)
	}
	if r.count() != 1 {
		t.Fatalf("%d requests", r.count())
	}
	req := r.requests[0]
	if req.Method != http.MethodPost || req.URL.String() != "/hook?a=b" || r.bodies[0] != `{"id":"a1"}` || req.Header.Get("Content-Type") != "application/json" ||
		req.Header.Get("User-Agent") != "Sluice/test" || req.Header.Get("X-Sluice-Delivery") != d.ID {
		t.Errorf("request %s %s %v: %s", req.Method, req.URL, req.Header, r.bodies[0])
	}
	head, signature, ok := strings.Cut(req.Header.Get("X-JWS-Signature"), "..")
	decoded, err := base64.RawURLEncoding.DecodeString(head)
	if !ok || err != nil || string(decoded) != `{"alg":"HS256","b64":false,"crit":["b64"]}` {
		t.Fatalf("the signature's header is %q (%v)", decoded, err)
	}
	mac := hmac.New(sha256.New, []byte("s3cret"))
	mac.Write([]byte(head + "." + r.bodies[0]))
	if want := base64.RawURLEncoding.EncodeToString(mac.Sum(nil)); signature != want {
		t.Errorf("the signature is %s, want %s", signature, want)
	}
}

// TestSignatureOfTheStandard compares with the example of RFC 7797, section 4.2, made with its key.
func TestSignatureOfTheStandard(t *testing.T) {
	key, err := base64.RawURLEncoding.DecodeString("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
	if err != nil {
		t.Fatal(err)
	}
	const want = "eyJhbGciOiJIUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19..A5dxf2s96_n5FLueVuW1Z_vh161FwXZC4YLPff6dmDY"
	if got := webhook.Sign(string(key), []byte("$.02")); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestFailedAttemptsAreRepeated(t *testing.T) {
	for _, c := range []struct {
		statuses  []int
		requests  int
		delivered bool
		problem   string // of the last attempt
	}{
		{[]int{500, 429, 200}, 3, true, ""},
		{[]int{503}, 3, false, "the receiver responded with 503 Service Unavailable"},
		{[]int{410}, 1, false, "the receiver responded with 410 Gone"},
		{[]int{302, 200}, 1, false, "the receiver responded with 302, and redirects are not followed"},
	} {
		r := newReceiver(t, c.statuses...)
		d := run(t, webhook.Options{Allowed: loopback()}, "", r.URL)[r.URL]
		if d.Delivered != c.delivered || len(d.Attempts) != c.requests || r.count() != c.requests || d.Attempts[c.requests-1].Problem != c.problem {
			t.Errorf("%v: %d requests, delivery %+v", c.statuses, r.count(), d)
		}
		if r.requests[0].Header.Get("X-JWS-Signature") != "" {
			t.Error("what has no key is signed")
		}
	}
}

// TestReceiversThatFail: a port that is closed, a receiver that never answers, a name that does
// not exist.
func TestReceiversThatFail(t *testing.T) {
	closed := newReceiver(t, 200)
	closed.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed below
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close() //nolint:errcheck // done with
	quiet := "http://" + silent.Addr().String() + "/secret"
	got := run(t, webhook.Options{Allowed: loopback(), Limit: 100 * time.Millisecond, Delays: []time.Duration{0}}, "", closed.URL, quiet, "http://name.invalid/secret")
	for url, d := range got {
		problem := d.Attempts[len(d.Attempts)-1].Problem
		if d.Delivered || len(d.Attempts) != 2 || problem == "" || strings.Contains(problem, "secret") {
			t.Errorf("%s: %+v", url, d)
		}
	}
	if p := got[quiet].Attempts[0].Problem; p != "the receiver did not respond in time" {
		t.Errorf("the silent receiver: %s", p)
	}
}

// TestPrivateAddressesAreNotReached: whatever they are called, and only as far as the operator
// allows.
func TestPrivateAddressesAreNotReached(t *testing.T) {
	r := newReceiver(t, 200)
	port := r.URL[strings.LastIndex(r.URL, ":"):]
	urls := []string{
		"http://127.0.0.1" + port, "http://localhost" + port, "http://[::ffff:127.0.0.1]" + port, "http://0.0.0.0" + port, "http://[::]" + port,
		"http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/", "http://10.0.0.1/", "http://192.168.1.1/", "http://172.16.0.1/",
		"http://100.64.0.1/", "http://[64:ff9b::a9fe:a9fe]/", "http://[2002:7f00:1::]/", "http://[fe80::1]/", "http://224.0.0.1/", "http://[::127.0.0.1]" + port,
	}
	for url, d := range run(t, webhook.Options{}, "", urls...) {
		if d.Delivered || len(d.Attempts) != 1 || !strings.Contains(d.Attempts[0].Problem, "is not public") {
			t.Errorf("%s: %+v", url, d.Attempts)
		}
	}
	if r.count() != 0 {
		t.Errorf("%d requests arrived", r.count())
	}
	service := webhook.New(nil, webhook.Options{Allowed: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}})
	for url, permitted := range map[string]bool{
		"http://10.1.2.3/": true, "http://10.2.0.1/": false, "http://169.254.169.254/": false, "http://192.0.2.1/": true, "http://[2001:db8::1]/": true, "https://example.com/": true,
	} {
		if err := service.Permit(platform.Integration{URL: url}); (err == nil) != permitted {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestCheckConnectsAndSendsNothing(t *testing.T) {
	r := newReceiver(t, 200)
	service := webhook.New(nil, webhook.Options{Allowed: loopback()})
	if err := service.Check(t.Context(), platform.Integration{URL: r.URL}); err != nil {
		t.Error(err)
	}
	r.Close()
	if r.count() != 0 {
		t.Errorf("%d requests arrived", r.count())
	}
	for _, service := range []*webhook.Service{service, webhook.New(nil, webhook.Options{})} {
		err := service.Check(t.Context(), platform.Integration{URL: r.URL})
		if platform.ErrorCode(err) != platform.CodeInvalid {
			t.Errorf("a receiver that is away: %v", err)
		}
	}
}
