package webhook

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"sluice/internal/fair"
	"sluice/internal/platform"
)

// Records keeps integrations and deliveries.
type Records interface {
	// Integration returns CodeNotFound when there is none.
	Integration(ctx context.Context, id string) (platform.Integration, error)
	// DueDeliveries returns what is to be sent now: at most one delivery of each integration.
	DueDeliveries(ctx context.Context) ([]platform.Delivery, error)
	// SaveDelivery replaces what came of a delivery. One that is gone is no error.
	SaveDelivery(ctx context.Context, d platform.Delivery) error
}

// Options are the settings of a Service.
type Options struct {
	// Render returns the JSON text of an activity.
	Render func(ctx context.Context, a platform.Activity) ([]byte, error)
	// Allowed are networks that are not public and may be connected to.
	Allowed []netip.Prefix
	// Delays are the times between attempts; nil means 10 s, 1 min, 5 min, 30 min and 2 h.
	Delays []time.Duration
	// Poll is how often due deliveries are looked for; 0 means a second.
	Poll time.Duration
	// Limit is how long one attempt may take; 0 means 10 s.
	Limit time.Duration
	Agent string // User-Agent
	Log   *slog.Logger
}

// Requests at a time, in all and of each project.
const (
	slots           = 8
	slotsPerProject = 2
)

// maxAnswer is how much of a response is read.
const maxAnswer = 64 << 10

// Service sends deliveries. It is safe for concurrent use.
type Service struct {
	Options
	records Records
	guard   guard
	client  *http.Client
	slots   *fair.Slots

	mu   sync.Mutex
	busy map[string]bool // integrations with a delivery under way
}

// New returns a Service that sends nothing until Run.
func New(records Records, o Options) *Service {
	if o.Delays == nil {
		o.Delays = []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour}
	}
	o.Poll, o.Limit = cmp.Or(o.Poll, time.Second), cmp.Or(o.Limit, 10*time.Second)
	g := guard{allowed: o.Allowed, reserved: reserved()}
	return &Service{
		Options: o, records: records, guard: g, client: g.client(o.Limit), slots: fair.New(slots, slotsPerProject), busy: map[string]bool{},
	}
}

// Run sends what is due until ctx ends. An attempt that is cut then is made again later.
func (s *Service) Run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	for {
		due, err := s.records.DueDeliveries(ctx)
		if err != nil && ctx.Err() == nil {
			s.Log.ErrorContext(ctx, "could not list deliveries", "error", err)
		}
		for _, d := range due {
			if s.claim(d.Integration) {
				all.Go(func() {
					defer s.release(d.Integration)
					s.deliver(ctx, d)
				})
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(s.Poll):
		}
	}
}

func (s *Service) claim(integration string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[integration] {
		return false
	}
	s.busy[integration] = true
	return true
}

func (s *Service) release(integration string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, integration)
}

// deliver makes one attempt and records what came of it.
func (s *Service) deliver(ctx context.Context, d platform.Delivery) {
	i, err := s.records.Integration(ctx, d.Integration)
	if err != nil {
		return // deleted, and the delivery with it; or tried again at the next poll
	}
	done, err := s.slots.Take(ctx, i.Project)
	if err != nil {
		return
	}
	defer done()
	attempt := platform.DeliveryAttempt{At: time.Now().UTC()}
	status, again, err := s.send(ctx, i, d)
	if ctx.Err() != nil {
		return
	}
	attempt.Status, attempt.Took = status, time.Since(attempt.At)
	if err != nil {
		attempt.Problem = err.Error()
	}
	d.Attempts = append(d.Attempts, attempt)
	d.Delivered = err == nil
	d.Done, d.NextAt = true, time.Time{}
	if n := len(d.Attempts) - 1; again && n < len(s.Delays) {
		d.Done, d.NextAt = false, time.Now().Add(s.Delays[n])
	}
	if err := s.records.SaveDelivery(ctx, d); err != nil && ctx.Err() == nil {
		s.Log.ErrorContext(ctx, "could not record a delivery", "delivery", d.ID, "error", err)
	}
}

// send makes the request. again says whether another attempt may succeed.
func (s *Service) send(ctx context.Context, i platform.Integration, d platform.Delivery) (status int, again bool, err error) {
	body, err := s.Render(ctx, d.Activity)
	if err != nil {
		s.Log.ErrorContext(ctx, "could not render an event", "delivery", d.ID, "error", err)
		return 0, true, errors.New("the event could not be rendered; the operator finds the cause in the server's log")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.URL, bytes.NewReader(body))
	if err != nil {
		return 0, false, errors.New("the URL is not one of HTTP")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", s.Agent)
	req.Header.Set("X-Sluice-Delivery", d.ID) // the same for all attempts
	if i.SharedKey != "" {
		req.Header.Set("X-JWS-Signature", Sign(i.SharedKey, body))
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return 0, platform.ErrorCode(err) != platform.CodeInvalid, reason(err)
	}
	defer func() { _ = resp.Body.Close() }() // only read
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer))
	return resp.StatusCode, retriable(resp.StatusCode), judge(resp.StatusCode)
}

// retriable are statuses with which a receiver says that it may accept the event later.
func retriable(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	default:
		return status >= http.StatusInternalServerError
	}
}

func judge(status int) error {
	switch {
	case status >= 200 && status < 300:
		return nil
	case status >= 300 && status < 400:
		return fmt.Errorf("the receiver responded with %d, and redirects are not followed", status)
	default:
		return fmt.Errorf("the receiver responded with %d %s", status, http.StatusText(status))
	}
}

// reason is what users are told about a request that failed. It leaves out the URL, which may
// contain a secret.
func reason(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		if wrapped.Timeout() {
			return errors.New("the receiver did not respond in time")
		}
		err = wrapped.Err
	}
	if refused, ok := errors.AsType[*platform.Error](err); ok {
		return refused
	}
	return err
}

// Check connects to the receiver as a delivery would, and sends nothing. It returns CodeInvalid
// for one that cannot be reached, or must not be.
func (s *Service) Check(ctx context.Context, i platform.Integration) error {
	u, err := url.Parse(i.URL)
	if err != nil {
		return platform.Errorf(platform.CodeInvalid, "the URL cannot be parsed").WithField("url")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.Limit, errors.New("the receiver did not respond in time"))
	defer cancel()
	port := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	if err := s.guard.reach(ctx, u.Scheme == "https", u.Hostname(), cmp.Or(u.Port(), port)); err != nil {
		return platform.Errorf(platform.CodeInvalid, "the receiver cannot be reached: %v", reason(err)).WithField("url").WithHint("%s", platform.ErrorHint(err))
	}
	return nil
}

// Permit returns CodeInvalid for an address that must not be sent to, as far as that can be told
// without asking the DNS. The address that a name stands for is looked at whenever something
// is sent.
func (s *Service) Permit(i platform.Integration) error {
	u, err := url.Parse(i.URL)
	if err != nil {
		return platform.Errorf(platform.CodeInvalid, "the URL cannot be parsed").WithField("url")
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && !s.guard.permits(a) {
		return refusal(a)
	}
	return nil
}

// Sign returns a detached JSON Web Signature (RFC 7797) of a request body, by HMAC with
// SHA-256: "HEADER..SIGNATURE", where what is signed is the header, a point and the body as it
// is.
func Sign(key string, body []byte) string {
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","b64":false,"crit":["b64"]}`))
	mac := hmac.New(sha256.New, []byte(key))
	_, _ = io.WriteString(mac, head+".") // never fails
	_, _ = mac.Write(body)
	return head + ".." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
