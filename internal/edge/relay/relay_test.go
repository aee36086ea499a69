package relay

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// job is a request that nothing but its target is known of.
type job struct {
	mu      sync.Mutex
	cause   error
	using   interface{ Abort() }
	targets []Target // one for each try
	failed  error
	status  int // that the application began with
}

func (j *job) Cancel(cause error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.cause == nil {
		j.cause = cause
		if j.using != nil {
			j.using.Abort()
		}
	}
}

func (j *job) Cause() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.cause
}

func (j *job) Attach(a interface{ Abort() }) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.using = a
	return j.cause == nil
}

func (j *job) Detach() bool { return j.Attach(nil) }

func (j *job) Target() Target { return j.targets[0] }

func (j *job) Header(*http.Request) http.Header { return http.Header{"X-From": {"router"}} }

func (j *job) Respond(_ int, h http.Header) { h.Set("X-To", "visitor") }

func (j *job) Began(status int, _ time.Duration) { j.status = status }

func (j *job) Retry(*http.Request) (bool, error) {
	if len(j.targets) == 1 {
		return false, errNoMore
	}
	j.targets = j.targets[1:]
	return true, nil
}

func (j *job) Fail(w http.ResponseWriter, _ *http.Request, err error) {
	j.failed = err
	w.WriteHeader(http.StatusBadGateway)
}

var errNoMore = errors.New("no other release")

func TestServe(t *testing.T) {
	hang := make(chan struct{})
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/hang" {
			<-hang
		}
		body, _ := io.ReadAll(req.Body)
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, req.Method+" "+req.URL.Path+" "+req.Header.Get("X-From")+" "+string(body))
	}))
	defer backend.Close()
	defer close(hang)
	address := strings.TrimPrefix(backend.URL, "http://")
	to := func(addresses ...string) Target {
		return Target{Pool: NewPool(map[string][]string{"app": addresses}, nil), Application: "app"}
	}
	const nowhere = "127.0.0.1:1" // refuses
	left := errors.New("left")
	for _, tt := range []struct {
		name, method, path, body string
		targets                  []Target
		cancel                   bool
		want                     string // "" when the job is told of a failure
		failed                   error
	}{
		{"answered", http.MethodGet, "/a", "", []Target{to(address)}, false, "GET /a router ", nil},
		{"with a body", http.MethodPost, "/a", "hello", []Target{to(address)}, false, "POST /a router hello", nil},
		{"no instance", http.MethodGet, "/a", "", []Target{to()}, false, "", ErrNoBackend},
		{"refused, then another release", http.MethodPost, "/a", "hello", []Target{to(nowhere), to(address)}, false, "POST /a router hello", nil},
		{"refused, and no other", http.MethodGet, "/a", "", []Target{to(nowhere)}, false, "", errNoMore},
		{"ended from outside", http.MethodGet, "/hang", "", []Target{to(address)}, true, "", left},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j := &job{targets: tt.targets}
			var body io.Reader
			if tt.body != "" {
				body = strings.NewReader(tt.body)
			}
			if tt.cancel {
				time.AfterFunc(10*time.Millisecond, func() { j.Cancel(left) })
			}
			w := httptest.NewRecorder()
			Serve(w, httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, body), j)
			for _, target := range j.targets {
				target.Pool.Retire()
			}
			if tt.want == "" {
				if !errors.Is(j.failed, tt.failed) {
					t.Errorf("failed with %v, want %v", j.failed, tt.failed)
				}
				return
			}
			if w.Code != http.StatusAccepted || w.Body.String() != tt.want || w.Header().Get("X-To") != "visitor" || j.status != http.StatusAccepted {
				t.Errorf("%d %q %v, began with %d, failed with %v", w.Code, w.Body, w.Header(), j.status, j.failed)
			}
		})
	}
}
