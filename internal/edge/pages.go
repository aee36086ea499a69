package edge

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"html/template"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"sluice/internal/edge/gate"
	"sluice/internal/edge/relay"
)

//go:embed pages/page.html
var pageSource string

// pageName names a page of the router itself.
type pageName string

const (
	pageNotFound    pageName = "not-found"
	pageMaintenance pageName = "maintenance"
	pageBusy        pageName = "busy"
	pageCut         pageName = "cut"
	pageBadGateway  pageName = "bad-gateway"
	pageTimeout     pageName = "timeout"
	pageCertificate pageName = "certificate"

	pageForbidden    pageName = "forbidden"
	pageUnauthorized pageName = "unauthorized"
	pageBypass       pageName = "bypass"

	pageTooManyGuesses pageName = "too-many-guesses"
)

// retryAfter is when a client should ask again, in seconds: in the Retry-After header and
// as the refresh of the page.
const retryAfter = 10

// page is what a visitor reads when no application answers.
type page struct {
	Status int
	Title  string
	Detail string
	Retry  int // seconds; 0 when asking again changes nothing
}

func (n pageName) page() page {
	switch n {
	case pageNotFound:
		return page{Title: "Site not found", Detail: "No site is served at this address. Please check the spelling."}
	case pageMaintenance:
		return page{Title: "We will be right back", Detail: "This site is being updated. The page reloads by itself.", Retry: retryAfter}
	case pageBusy:
		return page{Title: "One moment, please", Detail: "This site is being updated and many visitors are waiting. The page reloads by itself.", Retry: retryAfter}
	case pageCut:
		return page{Title: "Please try again", Detail: "This site was updated while it worked on your request. Please check whether your request was completed before you repeat it."}
	case pageCertificate:
		return page{Title: "Client certificate required", Detail: "This site requires a client certificate over HTTPS, and your browser did not send one."}
	case pageTimeout:
		return page{Title: "The site takes too long to respond", Detail: "The site did not respond in time. Please try again in a moment."}
	case pageForbidden:
		return page{Title: "Access denied", Detail: "This site is restricted to certain IP addresses."}
	case pageUnauthorized:
		return page{Title: "Please sign in", Detail: "This site requires a user name and a password."}
	case pageTooManyGuesses:
		return page{Title: "Too many attempts", Detail: "Too many wrong passwords came from your address. Please try again in a minute.", Retry: 60}
	case pageBypass:
		return page{Title: "This link is no longer valid", Detail: "Please ask for a new one."}
	default:
		return page{Title: "The site does not respond", Detail: "The site could not be reached. Please try again in a moment."}
	}
}

// pages renders the answers of the router itself. They load nothing from elsewhere.
type pages struct {
	layout *template.Template

	mu   sync.RWMutex
	made map[page][]byte // when many are turned away all get the same one
}

// maxMade is how many rendered pages are kept: some for each name, and operators' messages.
const maxMade = 64

func newPages() *pages {
	return &pages{layout: template.Must(template.New("page").Parse(pageSource)), made: map[page][]byte{}}
}

// html returns the rendered page, which must not be changed.
func (ps *pages) html(p page) []byte {
	ps.mu.RLock()
	text, ok := ps.made[p]
	ps.mu.RUnlock()
	if ok {
		return text
	}
	var b bytes.Buffer
	if err := ps.layout.Execute(&b, p); err != nil {
		return []byte(p.Title)
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if len(ps.made) < maxMade {
		ps.made[p] = b.Bytes()
	}
	return b.Bytes()
}

// turnAway answers a request that its gate did not let in.
func (ps *pages) turnAway(w http.ResponseWriter, req *http.Request, e *environment, err error) {
	switch {
	case errors.Is(err, gate.ErrFull):
		ps.wait(w, req, e, pageBusy.page())
	case errors.Is(err, gate.ErrMaintenance):
		p := pageMaintenance.page()
		if m := e.Status().Message; m != "" {
			p.Detail = m
		}
		ps.wait(w, req, e, p)
	default:
		clientLeft(w)
	}
}

// wait tells a visitor to come back, with the project's own page when it has one and the
// visitor is not a program.
func (ps *pages) wait(w http.ResponseWriter, req *http.Request, e *environment, p page) {
	p.Status = http.StatusServiceUnavailable
	own := e.maintenancePage()
	if own == "" || wantsJSON(req) {
		ps.send(w, req, p.Status, p)
		return
	}
	h := w.Header()
	setPageHeader(h)
	h.Set("Retry-After", strconv.Itoa(p.Retry))
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", ownPagePolicy)
	h.Set("Content-Length", strconv.Itoa(len(own)))
	w.WriteHeader(p.Status)
	_, _ = io.WriteString(w, own) //nolint:gosec // the project's own page, which runs nothing
}

// ownPagePolicy lets a project's page show what is kept elsewhere, as its own site does not
// answer, and run nothing.
const ownPagePolicy = "default-src 'none'; style-src 'unsafe-inline' https:; img-src data: https:; font-src data: https:; frame-ancestors 'self'"

func (ps *pages) unavailable(w http.ResponseWriter, req *http.Request, name pageName) {
	ps.write(w, req, http.StatusServiceUnavailable, name)
}

func (ps *pages) write(w http.ResponseWriter, req *http.Request, status int, name pageName) {
	ps.send(w, req, status, name.page())
}

func (ps *pages) send(w http.ResponseWriter, req *http.Request, status int, p page) {
	p.Status = status
	h := w.Header()
	setPageHeader(h)
	if status == http.StatusServiceUnavailable && (p.Retry > 0 || relay.Safe(req.Method)) {
		h.Set("Retry-After", strconv.Itoa(retryAfter))
	}
	if status == http.StatusTooManyRequests {
		h.Set("Retry-After", strconv.Itoa(p.Retry))
	}
	body := ps.render(h, req, p)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func setPageHeader(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set(robotsHeader, "noindex")
	h.Set("X-Content-Type-Options", "nosniff")
}

func (ps *pages) render(h http.Header, req *http.Request, p page) []byte {
	if wantsJSON(req) {
		var b bytes.Buffer
		h.Set("Content-Type", "application/problem+json")
		if err := json.NewEncoder(&b).Encode(problem{Status: p.Status, Title: p.Title, Detail: p.Detail}); err != nil {
			return nil // strings and a number always encode
		}
		return b.Bytes()
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'")
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		p.Retry = 0 // a reload would ask for something else
	}
	return ps.html(p)
}

// problem is the answer to a program (RFC 9457).
type problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
}

// wantsJSON reports whether a program asks: it accepts JSON and not HTML, or accepts
// anything and sends JSON.
func wantsJSON(req *http.Request) bool {
	accept := strings.ToLower(strings.Join(req.Header["Accept"], ","))
	switch {
	case strings.Contains(accept, "text/html"):
		return false
	case strings.Contains(accept, "json"):
		return true
	}
	return strings.Contains(req.Header.Get("Content-Type"), "json")
}
