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
	if stepUp, ok := errors.AsType[*platform.StepUpError](err); ok {
		wire.AMR, wire.MaxAge = []string{}, int(stepUp.MaxAge.Seconds())
	}
	switch { // some clients show only the detail
	case e.Field != "" && e.Code == platform.CodeNotFound:
		wire.Detail = map[string]string{e.Field: "not found"}
	case e.Field != "":
		wire.Detail = map[string]string{e.Field: e.Message}
	case e.Code == platform.CodeInvalid || e.Code == platform.CodeConflict:
		wire.Detail = map[string]string{"error": e.Message}
	}
	return wire
}

// refused turns a conflict into a bad request: the only status after which stock clients show the
// text of a refusal. To others they respond with a dump of the request.
func refused(err error) error {
	if e, ok := errors.AsType[*platform.Error](err); ok && e.Code == platform.CodeConflict {
		bad := *e
		bad.Code = platform.CodeInvalid
		return &bad
	}
	return err
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
		challenge := `Bearer realm="sluice"`
		if e.MaxAge > 0 {
			challenge = `Bearer error="insufficient_user_authentication"`
		}
		w.Header().Set("WWW-Authenticate", challenge)
	}
	a.writeJSON(w, r, e.Code, e)
}
