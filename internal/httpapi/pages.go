package httpapi

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"sluice/internal/platform"
)

//go:embed pages.html
var pagesHTML string

//go:embed pages.css
var pagesCSS string

var pages = template.Must(template.New("pages").Parse(pagesHTML)) //nolint:gochecknoglobals // immutable

// pageView is what a page shows. Forms without an action are sent to the address of the page.
type pageView struct {
	Kind    string // template: login, more, forward, invitation or message
	Title   string
	Problem string
	Hint    string

	Client                      string // that a log-in is for
	Login                       string
	WantsPassword, WantsOneTime bool

	Providers    []platform.ProviderPolicy
	ProviderPath string // relative address of their forms, with Query after the ID
	Query        template.URL
	Provider     string // title of the one in use

	Action, Ticket, State string // of a log-in that wants more

	Inviter, Project, Expires string
	FirstName, LastName       string
	Known                     bool // the address has an account

	Text, Command string
	Link          string // to go on
	Broken        bool   // nobody can log in with this request
}

// Style is the same for all pages, so that the policy can name it.
func (pageView) Style() template.CSS { return template.CSS(pagesCSS) } //nolint:gosec // it is ours

// show sends a page. It loads nothing, runs no script, is shown in no frame, and its forms go to
// this server only, and from there to targets: origins that it sends the browser on to.
func (a *api) show(w http.ResponseWriter, r *http.Request, status int, view pageView, targets ...string) {
	var page bytes.Buffer
	if err := pages.ExecuteTemplate(&page, "page", view); err != nil {
		a.fail(w, r, err)
		return
	}
	sum := sha256.Sum256([]byte(pagesCSS))
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'; form-action "+
		strings.Join(append([]string{"'self'"}, targets...), " ")+"; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes())
}

// problem adds an error to a page and returns the status that it is shown with.
func (a *api) problem(w http.ResponseWriter, r *http.Request, view *pageView, err error) int {
	wire := a.wireError(r.Context(), err)
	view.Problem, view.Hint = sentence(wire.Message), sentence(wire.Hint)
	if wire.Code == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", strconv.Itoa(15*60))
	}
	return wire.Code
}

// sentence makes a message one for people who read nothing else.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// checkForm reads a form. A page of another origin cannot send it.
func checkForm(r *http.Request) error {
	if http.NewCrossOriginProtection().Check(r) != nil {
		return invalid("origin", "the form was sent by another page").WithHint("open the page of this server, and send its form")
	}
	if r.ParseForm() != nil {
		return invalid("form", "the form cannot be read").WithHint("begin again")
	}
	return nil
}
