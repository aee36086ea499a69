package httpapi

import "net/http"

// lateWriter sends its header with the first bytes: until then, an error can be a response.
type lateWriter struct {
	w       http.ResponseWriter
	header  map[string]string
	started bool
}

func (l *lateWriter) start() {
	if l.started {
		return
	}
	l.started = true
	for name, value := range l.header {
		l.w.Header().Set(name, value)
	}
}

// Write implements io.Writer.
func (l *lateWriter) Write(p []byte) (int, error) {
	l.start()
	return l.w.Write(p) //nolint:wrapcheck // only adds the header
}
