package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"sluice/apiv1"
	"sluice/internal/platform"
)

// fail responds with an error. The text of an internal error goes to the log with an
// identifier; the response has the identifier only.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil && errors.Is(err, context.Cause(r.Context())) {
		return // the client has left
	}
	a.writeError(w, r, a.wireError(r.Context(), err))
}

func (a *api) wireError(ctx context.Context, err error) *apiv1.Error {
	e, ok := errors.AsType[*platform.Error](err)
	if !ok || e.Code.HTTPStatus() == http.StatusInternalServerError {
		id := platform.NewID()
		a.cfg.Log.ErrorContext(ctx, "request failed", "error_id", id, "error", err)
		return &apiv1.Error{
			Code:    http.StatusInternalServerError,
			Message: "internal error " + id,
			Hint:    "the operator finds the cause in the server's log: search it for " + id,
		}
	}
	wire := &apiv1.Error{Code: e.Code.HTTPStatus(), Message: e.Message, Hint: e.Hint}
	if e.Field != "" {
		wire.Detail = map[string]string{e.Field: fieldDetail(e.Code)}
	}
	return wire
}

// fieldDetail says what is wrong with a field.
func fieldDetail(code platform.Code) string {
	if code == platform.CodeNotFound {
		return "not found"
	}
	return "not valid"
}

// invalid is an error about one field of a request.
func invalid(field, format string, args ...any) *platform.Error {
	return platform.Errorf(platform.CodeInvalid, format, args...).WithField(field)
}

func (a *api) writeError(w http.ResponseWriter, r *http.Request, e *apiv1.Error) {
	e.Title = http.StatusText(e.Code)
	e.Status = e.Title
	if r.ContentLength != 0 && e.Code >= http.StatusUnauthorized && e.Code <= http.StatusForbidden {
		w.Header().Set("Connection", "close")
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(time.Second)) // the body of a stranger is not waited for
	}
	if e.Code == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="sluice"`)
	}
	a.writeJSON(w, r, e.Code, e)
}
