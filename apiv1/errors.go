package apiv1

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Error is the body of every response that is not a success, and what the client returns
// for one.
type Error struct {
	Status  string            `json:"status"` // text of the HTTP status
	Message string            `json:"message"`
	Code    int               `json:"code"`             // the HTTP status
	Detail  map[string]string `json:"detail,omitempty"` // by field; "error" when it belongs to none
	Title   string            `json:"title"`
	Hint    string            `json:"hint,omitempty"` // what to do about it
	// AMR and MaxAge are there when a new log-in is needed: by which methods, and how many
	// seconds ago it may be.
	AMR    []string `json:"amr,omitzero"`
	MaxAge int      `json:"max_age,omitempty"`
}

// Error returns the message, or the title of the status when there is none.
func (e *Error) Error() string {
	if e.Message == "" {
		return strings.ToLower(e.Title)
	}
	return e.Message
}

// DetailProject is the detail that says it is the project that was not found, not
// something in it.
const DetailProject = "project"

// IsNotFound reports whether err is a response 404.
func IsNotFound(err error) bool { return StatusCode(err) == http.StatusNotFound }

// IsProjectNotFound reports whether err says that the project does not exist.
func IsProjectNotFound(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == http.StatusNotFound && e.Detail[DetailProject] != ""
}

// StatusCode returns the HTTP status of an error response in err's chain, or 0.
func StatusCode(err error) int {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return 0
}

// ConnectionError is returned when no complete response arrived.
type ConnectionError struct {
	URL string // address of the server, without credentials
	Err error
}

// Error names the server and the cause.
func (e *ConnectionError) Error() string {
	return fmt.Sprintf("no response from the server %s: %v", e.URL, e.Err)
}

// Unwrap returns the cause.
func (e *ConnectionError) Unwrap() error { return e.Err }
