package edge

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sluice/internal/edge/ssi"
)

var (
	errIncludes   = errors.New("too many includes, or includes in includes")
	errNoFragment = errors.New("the included address did not answer with a page")
	errTooMuch    = errors.New("the included page is too large")
	errOtherSite  = errors.New("the included address is of another site")
)

// inclusion is what a page and everything that it includes share.
type inclusion struct {
	count   int
	private bool // something in it is for one visitor
}

// nesting is how deep a request is in a page.
type nesting struct {
	page  *inclusion
	depth int
}

type nestingKey struct{}

// include answers a request to a route with server-side includes. The page is made again
// for every request from what the application, or the cache, answers: the cache keeps
// pages as they are before, and the included ones for themselves, by their own rules.
func (r *Router) include(w http.ResponseWriter, req *http.Request, route *route, secure bool) {
	if req.Header["Upgrade"] != nil { // what follows is not a page
		r.answer(w, req, route, secure)
		return
	}
	within, nested := req.Context().Value(nestingKey{}).(nesting)
	if !nested {
		within = nesting{page: &inclusion{}}
	}
	p := &assembly{ResponseWriter: w, head: req.Method == http.MethodHead}
	r.answer(p, plainRequest(req), route, secure)
	if !p.holds {
		return
	}
	body := p.body.Bytes()
	h := w.Header()
	if ssi.Has(body) || ssi.HasESI(body) {
		expanded, err := r.expand(body, req, secure, within)
		if err != nil {
			r.log.WarnContext(req.Context(), "could not assemble a page with includes", slog.String("path", req.URL.Path), slog.Any("error", err))
			r.pages.write(w, req, http.StatusBadGateway, pageBadGateway)
			return
		}
		unvalidated(h)
		if within.page.private {
			h.Set("Cache-Control", "private, no-cache")
		}
		body = expanded
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body) // the client left
}

// expand carries out what a page has of both kinds of includes.
func (r *Router) expand(body []byte, req *http.Request, secure bool, within nesting) ([]byte, error) {
	include := func(uri string) ([]byte, error) { return r.fragment(req, uri, within) }
	directives := ssi.Has(body) // in what is included they were carried out already
	if ssi.HasESI(body) {
		expanded, err := ssi.ExpandESI(body, func(src string) ([]byte, error) {
			uri, err := onSite(req, src)
			if err != nil {
				return nil, err
			}
			return include(uri)
		})
		if err != nil || !directives {
			return expanded, err
		}
		body = expanded
	}
	return ssi.Expand(body, ssi.Source{
		Path:     req.URL.Path,
		Variable: func(name string) (string, bool) { return requestVariable(req, name, secure) },
		Include:  include,
	})
}

// onSite returns path and query of an address on the site that a request was for. The scheme
// makes no difference: Magento writes http for Varnish, whatever its visitors use.
func onSite(req *http.Request, src string) (string, error) {
	u, err := req.URL.Parse(src)
	if err != nil {
		return "", err
	}
	if u.Host != "" && hostname(u.Host) != hostname(req.Host) {
		return "", errOtherSite
	}
	return u.RequestURI(), nil
}

// plainRequest asks for a page that can be read: all of it, and not compressed.
func plainRequest(req *http.Request) *http.Request {
	req = req.WithContext(req.Context())
	req.Header = req.Header.Clone()
	for _, name := range []string{"Accept-Encoding", "Range", "If-Range"} {
		delete(req.Header, name)
	}
	return req
}

// unvalidated removes what said something of the page as it was before.
func unvalidated(h http.Header) {
	for _, name := range []string{"Etag", "Last-Modified", "Accept-Ranges", "Content-Length"} {
		delete(h, name)
	}
}

// fragment fetches one included page, as the visitor would get it.
func (r *Router) fragment(req *http.Request, uri string, within nesting) ([]byte, error) {
	within.page.count++
	if within.page.count > ssi.MaxIncludes || within.depth >= ssi.MaxDepth {
		return nil, errIncludes
	}
	u, err := url.ParseRequestURI(uri)
	if err != nil {
		return nil, err
	}
	within.depth++
	sub := req.Clone(context.WithValue(req.Context(), nestingKey{}, within))
	sub.Method, sub.Body, sub.ContentLength, sub.TransferEncoding = http.MethodGet, http.NoBody, 0, nil
	sub.URL, sub.RequestURI = u, uri
	for name := range sub.Header {
		if strings.HasPrefix(name, "If-") || strings.HasPrefix(name, "Content-") || name == "Range" || name == "Accept-Encoding" {
			delete(sub.Header, name)
		}
	}
	f := &fragment{header: http.Header{}}
	switch complete := r.fetch(f, sub); {
	case f.tooLarge:
		return nil, errTooMuch
	case !complete || f.status < http.StatusOK || f.status >= http.StatusMultipleChoices || f.header.Get("Content-Encoding") != "":
		return nil, errNoFragment
	}
	within.page.private = within.page.private || forOne(f.header)
	return f.body.Bytes(), nil
}

// fetch reports whether the answer is complete.
func (r *Router) fetch(f *fragment, sub *http.Request) (complete bool) {
	defer func() {
		if v := recover(); v != nil {
			if err, ok := v.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				panic(v)
			}
		}
	}()
	r.ServeHTTP(f, sub)
	return true
}

// forOne reports whether an answer is for one visitor, so that a page with it is, too.
func forOne(h http.Header) bool {
	cc := strings.ToLower(strings.Join(h["Cache-Control"], ","))
	return h["Set-Cookie"] != nil || strings.Contains(cc, "private") || strings.Contains(cc, "no-store") || strings.Contains(cc, "no-cache")
}

// requestVariable returns nginx's variables of a request that pages use.
func requestVariable(req *http.Request, name string, secure bool) (string, bool) {
	switch name {
	case "host":
		return hostname(req.Host), true
	case "uri", "document_uri":
		return req.URL.Path, true
	case "request_uri":
		return req.URL.RequestURI(), true
	case "args", "query_string":
		return req.URL.RawQuery, true
	case "scheme":
		return scheme(secure), true
	case "request_method":
		return req.Method, true
	}
	if arg, ok := strings.CutPrefix(name, "arg_"); ok {
		q := req.URL.Query()
		return q.Get(arg), q.Has(arg)
	}
	if cookie, ok := strings.CutPrefix(name, "cookie_"); ok {
		if c, err := req.Cookie(cookie); err == nil && cookie != bypassCookie {
			return c.Value, true
		}
	}
	return "", false
}

// assembly holds back HTML that can have directives and lets everything else through. It
// has no way to the connection itself: who took that would go past it.
type assembly struct {
	http.ResponseWriter
	head    bool
	holds   bool
	decided bool
	body    bytes.Buffer
}

// WriteHeader decides by the header.
func (a *assembly) WriteHeader(status int) {
	if a.decided || (status < http.StatusOK && status != http.StatusSwitchingProtocols) {
		if !a.decided {
			a.ResponseWriter.WriteHeader(status)
		}
		return
	}
	a.decided = true
	h := a.Header()
	delete(h, "Surrogate-Control")
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	if status == http.StatusOK && strings.EqualFold(strings.TrimSpace(kind), "text/html") && h["Content-Encoding"] == nil {
		if !a.head {
			a.holds = true
			return
		}
		unvalidated(h)
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write takes a part of the body. A page that is too large to have its directives carried
// out goes through as it is.
func (a *assembly) Write(p []byte) (int, error) {
	if !a.decided {
		a.WriteHeader(http.StatusOK)
	}
	if !a.holds {
		return a.ResponseWriter.Write(p)
	}
	if a.body.Len()+len(p) <= ssi.MaxDocument {
		return a.body.Write(p)
	}
	a.holds = false
	a.ResponseWriter.WriteHeader(http.StatusOK)
	if _, err := a.body.WriteTo(a.ResponseWriter); err != nil {
		return 0, err
	}
	a.body = bytes.Buffer{}
	return a.ResponseWriter.Write(p)
}

// upstreamBegan passes on what the application answered to who keeps a log.
func (a *assembly) upstreamBegan(upstream upstreamResponse) {
	if l := upstreamLogOf(a.ResponseWriter); l != nil {
		l.upstreamBegan(upstream)
	}
}

// ended passes on that there is no response.
func (a *assembly) ended(status int) {
	if l := upstreamLogOf(a.ResponseWriter); l != nil {
		l.ended(status)
	}
}

// FlushError sends what is not held back.
func (a *assembly) FlushError() error {
	if !a.decided || a.holds {
		return nil
	}
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// SetWriteDeadline bounds writes to the visitor.
func (a *assembly) SetWriteDeadline(t time.Time) error {
	return http.NewResponseController(a.ResponseWriter).SetWriteDeadline(t)
}

// fragment is an included page while it is read.
type fragment struct {
	header   http.Header
	status   int
	body     bytes.Buffer
	tooLarge bool
}

// Header returns the page's header.
func (f *fragment) Header() http.Header { return f.header }

// WriteHeader notes the final status.
func (f *fragment) WriteHeader(status int) {
	if f.status == 0 && status >= http.StatusOK {
		f.status = status
	}
}

// Write takes a part of the body.
func (f *fragment) Write(p []byte) (int, error) {
	f.WriteHeader(http.StatusOK)
	if f.body.Len()+len(p) > ssi.MaxDocument {
		f.tooLarge = true
		return 0, errTooMuch
	}
	return f.body.Write(p)
}
