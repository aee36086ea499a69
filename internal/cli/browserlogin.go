package cli

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"net"
	"net/http"
	"os/exec"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"sluice/apiv1"
)

// browserPatience is how long a person has to log in.
const browserPatience = 15 * time.Minute

func (c *program) authBrowserLogin() *cobra.Command {
	var printOnly bool
	cmd := &cobra.Command{
		Use:   "auth:browser-login",
		Short: "Log in to a server with a browser",
		Long: "Opens the server's log-in page and keeps what it gives, with the server's address, in a file that only you can read. " +
			"The browser has to run on this machine; elsewhere log in with an API token: sluice auth:api-token-login.",
		Example: "  sluice auth:browser-login --server https://sluice.example.com:7070",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.browserLogin(cmd.Context(), printOnly)
		},
	}
	cmd.Flags().BoolVar(&printOnly, "print", false, "print the address of the page, and open no browser")
	return cmd
}

func (c *program) browserLogin(ctx context.Context, printOnly bool) error {
	cfg, server, err := c.loginServer()
	if err != nil {
		return err
	}
	client, err := c.newClient(credentials{server: server, session: true, insecure: c.allowsPlain()}) // passwords are as secret as tokens
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, browserPatience, fail(ExitLogin, "run it again", "nobody logged in within %s", browserPatience))
	defer cancel()
	tokens, err := c.askBrowser(ctx, client, printOnly)
	if err != nil {
		return err
	}
	client, err = c.newClient(credentials{server: server, token: tokens.AccessToken, insecure: c.allowsPlain()})
	if err != nil {
		return err
	}
	cfg.keep(tokens)
	return c.loggedIn(ctx, cfg, client)
}

// askBrowser sends a browser to the log-in page and waits for the code that comes back.
func (c *program) askBrowser(ctx context.Context, client *apiv1.Client, printOnly bool) (apiv1.OAuthToken, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return apiv1.OAuthToken{}, fmt.Errorf("listen for the browser: %w", err)
	}
	back := &loopback{
		client: client, host: l.Addr().String(), state: rand.Text(), verifier: rand.Text() + rand.Text(), done: make(chan struct{}),
	}
	server := &http.Server{Handler: back, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10}
	go func() { _ = server.Serve(l) }() // ends with Shutdown
	defer func() {
		ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), 2*time.Second, errors.New("the browser did not take its page"))
		defer cancel()
		_ = errors.Join(server.Shutdown(ctx), server.Close()) // the browser has its page
	}()
	sum := sha256.Sum256([]byte(back.verifier))
	page := client.AuthorizeURL(oauthClient, back.redirect(), back.state, base64.RawURLEncoding.EncodeToString(sum[:]))
	c.note("Log in at this address, with a browser on this machine:\n%s", page)
	if !printOnly {
		c.openBrowser(ctx, page)
	}
	select {
	case <-back.done:
		return back.tokens, back.err
	case <-ctx.Done():
		return apiv1.OAuthToken{}, context.Cause(ctx)
	}
}

// openBrowser opens a page, if it can; the address was printed.
func (c *program) openBrowser(ctx context.Context, page string) {
	line := c.browserCommand()
	if len(line) == 0 {
		return
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), line[0], append(line[1:], page)...) //nolint:gosec // the user's own program
	cmd.Env = c.environ
	if cmd.Start() == nil {
		go func() { _ = cmd.Wait() }() // it may go on for as long as it wants
	}
}

// browserCommand returns the program that opens pages, nil where there is none.
func (c *program) browserCommand() []string {
	switch {
	case c.env["BROWSER"] != "":
		return []string{c.env["BROWSER"]}
	case runtime.GOOS == "darwin":
		return []string{"open"}
	case runtime.GOOS == "windows":
		return []string{"rundll32", "url.dll,FileProtocolHandler"}
	case c.env["DISPLAY"] != "" || c.env["WAYLAND_DISPLAY"] != "":
		return []string{"xdg-open"}
	default:
		return nil
	}
}

// loopback is what the browser comes back to. It takes one answer, to the log-in that it
// began itself.
type loopback struct {
	client   *apiv1.Client
	host     string // HOST:PORT
	state    string
	verifier string

	used   atomic.Bool
	done   chan struct{} // closed when there are tokens, or an error
	tokens apiv1.OAuthToken
	err    error
}

func (l *loopback) redirect() string { return "http://" + l.host + "/" }

// ServeHTTP implements http.Handler.
func (l *loopback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	switch {
	case r.Method != http.MethodGet || r.URL.Path != "/" || r.Host != l.host: // a page of another name that leads here
		http.NotFound(w, r)
		return
	case subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(l.state)) != 1:
		l.show(w, http.StatusBadRequest, "This is not the log-in that was begun on the command line.")
		return
	case !l.used.CompareAndSwap(false, true):
		l.show(w, http.StatusBadRequest, "This log-in was used already.")
		return
	}
	if code := q.Get("error"); code != "" || q.Get("code") == "" {
		l.err = fail(ExitLogin, "run it again", "the server logged nobody in: %s", firstOf(q.Get("error_description"), code, "it sent no code"))
	} else {
		l.tokens, l.err = l.client.ExchangeCode(context.WithoutCancel(r.Context()), oauthClient, l.redirect(), q.Get("code"), l.verifier)
	}
	if l.err != nil {
		l.show(w, http.StatusBadRequest, "The log-in failed: "+l.err.Error()+".")
	} else {
		l.show(w, http.StatusOK, "You are logged in. Go back to the command line; this page can be closed.")
	}
	close(l.done)
}

func (l *loopback) show(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>Sluice</title>\n<p>%s</p>\n</html>\n", html.EscapeString(text))
}
