package platform

import (
	"errors"
	"fmt"
)

// Code says what kind of mistake an Error is. Adapters map it to an HTTP status
// or to an exit code; nothing else decides on an error's text.
type Code string

// The codes. CodeInternal is never shown to a user as is: its text goes to the log.
const (
	CodeInvalid      Code = "invalid"
	CodeUnauthorized Code = "unauthorized"
	CodeForbidden    Code = "forbidden"
	CodeNotFound     Code = "not_found"
	CodeConflict     Code = "conflict"
	CodeRateLimited  Code = "rate_limited"
	CodeUnavailable  Code = "unavailable"
	CodeInternal     Code = "internal"
)

// HTTPStatus returns the status of an HTTP response that carries an error with this code:
// the same one for the API, Git and the router's control socket.
func (c Code) HTTPStatus() int {
	switch c {
	case CodeInvalid:
		return 400
	case CodeUnauthorized:
		return 401
	case CodeForbidden:
		return 403
	case CodeNotFound:
		return 404
	case CodeConflict:
		return 409
	case CodeRateLimited:
		return 429
	case CodeUnavailable:
		return 503
	default:
		return 500
	}
}

// Error is a mistake that the user can understand and fix.
//
// Message says what happened and what was not touched; Hint gives the command or
// the line that fixes it. Neither may contain a secret.
type Error struct {
	Code    Code
	Message string
	Hint    string
	Field   string // the field of a request that is wrong, such as "default_branch"; may be empty
	Err     error  // what caused it; may be nil
}

// Error returns the message, followed by the cause when there is one.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %v", e.Message, e.Err)
	}
	return e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf returns an Error with a formatted message and no hint.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// WithHint returns a copy of e that carries the hint.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.Hint = fmt.Sprintf(format, args...)
	return &c
}

// WithField returns a copy of e that names the wrong field of a request.
func (e *Error) WithField(name string) *Error {
	c := *e
	c.Field = name
	return &c
}

// ErrorCode returns the code of the first Error in err's chain, and CodeInternal
// for any other error. It returns "" for nil.
func ErrorCode(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}

// ErrorHint returns the hint of the first Error in err's chain, or "".
func ErrorHint(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Hint
	}
	return ""
}
