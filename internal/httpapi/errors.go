package httpapi

import (
	"context"
	"errors"
	"maps"
	"net/http"

	"sluice/apiv1"
	"sluice/internal/platform"
)

// statusOf is the one table of codes and statuses; a code that is missing is 500.
func statusOf(code platform.Code) int {
	switch code {
	case platform.CodeInvalid:
		return http.StatusBadRequest
	case platform.CodeUnauthorized:
		return http.StatusUnauthorized
	case platform.CodeForbidden:
		return http.StatusForbidden
	case platform.CodeNotFound:
		return http.StatusNotFound
	case platform.CodeConflict:
		return http.StatusConflict
	case platform.CodeUnavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// detailed adds details to an error's answer.
type detailed struct {
	error
	detail map[string]string
}

func (d *detailed) Unwrap() error { return d.error }

// fail answers with an error. The text of an internal one goes to the log with an
// identifier; the answer has only the identifier.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil && errors.Is(err, context.Cause(r.Context())) {
		return // nobody reads the answer
	}
	a.writeError(w, r, a.wireError(r.Context(), err))
}

func (a *api) wireError(ctx context.Context, err error) *apiv1.Error {
	e, ok := errors.AsType[*platform.Error](err)
	if !ok || statusOf(e.Code) == http.StatusInternalServerError {
		id := platform.NewID()
		a.cfg.Log.ErrorContext(ctx, "request failed", "error_id", id, "error", err)
		return &apiv1.Error{
			Code:    http.StatusInternalServerError,
			Message: "something went wrong in the server (error " + id + ")",
			Hint:    "the server's log says more: search it for " + id,
		}
	}
	wire := &apiv1.Error{Code: statusOf(e.Code), Message: e.Message, Hint: e.Hint}
	if d, ok := errors.AsType[*detailed](err); ok {
		wire.Detail = maps.Clone(d.detail)
	}
	return wire
}

func (a *api) writeError(w http.ResponseWriter, r *http.Request, e *apiv1.Error) {
	e.Title = http.StatusText(e.Code)
	e.Status = e.Title
	if e.Code == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="sluice"`)
	}
	a.writeJSON(w, r, e.Code, e)
}
