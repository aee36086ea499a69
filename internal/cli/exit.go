package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"sluice/apiv1"
	"sluice/internal/termtext"
)

// The exit statuses.
const (
	ExitOK              = 0
	ExitFailure         = 1
	ExitUsage           = 2
	ExitLogin           = 3
	ExitConnection      = 5
	ExitDenied          = 6
	ExitProjectNotFound = 9
	ExitBuildFailed     = 10
	ExitDeployFailed    = 11
	ExitPostDeploy      = 12
	ExitCancelled       = 13
	ExitInterrupted     = 130
)

const exitStatuses = `Exit statuses:
  0  success                     9  the project does not exist
  1  failure                    10  the build failed
  2  wrong usage                11  the deployment failed
  3  login required             12  the post-deploy hook failed
  5  connection failed          13  the activity was cancelled
  6  permission denied`

// failure is an error with an exit status and what to do next.
type failure struct {
	code int
	text string
	hint string
	err  error // may be nil
}

func (f *failure) Error() string {
	switch {
	case f.err == nil:
		return f.text
	case f.text == "":
		return f.err.Error()
	default:
		return f.text + ": " + f.err.Error()
	}
}

func (f *failure) Unwrap() error { return f.err }

func fail(code int, hint, format string, args ...any) *failure {
	return &failure{code: code, text: fmt.Sprintf(format, args...), hint: hint}
}

func usageError(hint, format string, args ...any) *failure {
	return fail(ExitUsage, hint, format, args...)
}

// statusError ends the program with a status that was explained already.
type statusError int

func (s statusError) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// exitStatus maps an error to the status that the program ends with.
func exitStatus(err error) int {
	if err == nil {
		return ExitOK
	}
	if s, ok := errors.AsType[statusError](err); ok {
		return int(s)
	}
	if f, ok := errors.AsType[*failure](err); ok {
		return f.code
	}
	if _, ok := errors.AsType[*apiv1.ConnectionError](err); ok {
		return ExitConnection
	}
	switch {
	case apiv1.IsProjectNotFound(err):
		return ExitProjectNotFound
	case apiv1.StatusCode(err) == http.StatusUnauthorized:
		return ExitLogin
	case apiv1.StatusCode(err) == http.StatusForbidden:
		return ExitDenied
	}
	return ExitFailure
}

// nextStep says what to do about an error, or "".
func nextStep(err error) string {
	if f, ok := errors.AsType[*failure](err); ok && f.hint != "" {
		return f.hint
	}
	if e, ok := errors.AsType[*apiv1.Error](err); ok && e.Hint != "" {
		return e.Hint
	}
	if e, ok := errors.AsType[*apiv1.ConnectionError](err); ok {
		return "check that the server runs at " + e.URL + " and that SLUICE_URL names the right one"
	}
	switch {
	case apiv1.IsProjectNotFound(err):
		return "`sluice project:list` shows the projects"
	case apiv1.StatusCode(err) == http.StatusUnauthorized:
		return "log in with `sluice auth:login`, or set SLUICE_TOKEN"
	}
	return ""
}

// report writes an error for people.
func report(ctx context.Context, w io.Writer, err error) {
	if _, ok := errors.AsType[statusError](err); ok {
		return
	}
	if ctx.Err() != nil {
		_, _ = fmt.Fprintf(w, "sluice: stopped: %v\n", context.Cause(ctx))
		return
	}
	_, _ = fmt.Fprintf(w, "sluice: %s\n", printable(err.Error()))
	if e, ok := errors.AsType[*apiv1.Error](err); ok && e.Message == "" {
		_, _ = fmt.Fprintf(w, "  the server responded %d %s\n", e.Code, e.Title)
	}
	if next := nextStep(err); next != "" {
		_, _ = fmt.Fprintf(w, "next: %s\n", printable(next))
	}
}

// printable makes a text of a server or a file safe to show within a message.
func printable(s string) string { return termtext.Plain(s) }
