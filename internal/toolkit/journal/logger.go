package journal

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"sluice/internal/toolkit/fault"
)

// Record is one message, already redacted when a handler sees it.
type Record struct {
	Time       time.Time
	Level      fault.Level
	Message    string
	Code       int  // error code
	HasCode    bool // a record with code 0 is kept in cloud.error.log too
	Suggestion string
}

// Handler takes records at or above its own level.
type Handler interface {
	// Handle writes one record; calls do not overlap.
	Handle(r Record) error
}

// Sink is a handler with the least level it is given.
type Sink struct {
	Handler Handler
	Min     fault.Level
	// Remote is a service outside: when it fails once it is given nothing more, so that a
	// deployment does not wait for it at every record.
	Remote bool
}

// Logger gives every record to its sinks. It is safe for concurrent use. A handler that
// fails is reported to the fallback and does not stop the others.
type Logger struct {
	mu       sync.Mutex
	sinks    []Sink
	redactor *Redactor
	now      func() time.Time
	fallback func(error)
}

// Options of a Logger; the zero value is usable.
type Options struct {
	Now      func() time.Time // nil: time.Now
	Fallback func(error)      // receives the errors of handlers; may be nil
	Redactor *Redactor        // nil: only the fixed patterns
}

// New returns a Logger over sinks.
func New(o Options, sinks ...Sink) *Logger {
	l := &Logger{sinks: sinks, redactor: o.Redactor, now: o.Now, fallback: o.Fallback}
	if l.now == nil {
		l.now = time.Now
	}
	if l.redactor == nil {
		l.redactor = &Redactor{}
	}
	return l
}

// Log gives a record to every sink of its level. A zero Time is now.
func (l *Logger) Log(r Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Time.IsZero() {
		r.Time = l.now()
	}
	r.Message = l.redactor.Redact(r.Message)
	r.Suggestion = l.redactor.Redact(r.Suggestion)
	l.sinks = slices.DeleteFunc(l.sinks, func(s Sink) bool {
		if r.Level < s.Min {
			return false
		}
		err := s.Handler.Handle(r)
		if err != nil {
			l.complain(err)
		}
		return err != nil && s.Remote
	})
}

// complain tells of a handler that failed.
func (l *Logger) complain(err error) {
	if l.fallback != nil {
		l.fallback(errors.New(l.redactor.Redact(err.Error())))
	}
}

// Redactor returns what hides the secrets of this log, for text that goes elsewhere.
func (l *Logger) Redactor() *Redactor { return l.redactor }

// Fault logs an error of the toolkit at its level (Error when it has none) with its code
// and suggestion.
func (l *Logger) Fault(f *fault.Fault) {
	level := f.Level
	if level == 0 {
		level = fault.Error
	}
	l.Log(Record{Level: level, Message: f.Error(), Code: f.Code, HasCode: true, Suggestion: f.Suggestion})
}

// Warn logs a warning with a code of the table.
func (l *Logger) Warn(code int, message string) {
	l.Log(Record{Level: fault.Warning, Message: message, Code: code, HasCode: true})
}

// Debug logs a message at level debug.
func (l *Logger) Debug(message string) { l.Log(Record{Level: fault.Debug, Message: message}) }

// Debugf logs a formatted message at level debug.
func (l *Logger) Debugf(format string, args ...any) { l.Debug(fmt.Sprintf(format, args...)) }

// Info logs a message at level info.
func (l *Logger) Info(message string) { l.Log(Record{Level: fault.Info, Message: message}) }

// Infof logs a formatted message at level info.
func (l *Logger) Infof(format string, args ...any) { l.Info(fmt.Sprintf(format, args...)) }

// Notice logs a message at level notice.
func (l *Logger) Notice(message string) { l.Log(Record{Level: fault.Notice, Message: message}) }

// Noticef logs a formatted message at level notice.
func (l *Logger) Noticef(format string, args ...any) { l.Notice(fmt.Sprintf(format, args...)) }

// Warning logs a message at level warning, without a code.
func (l *Logger) Warning(message string) { l.Log(Record{Level: fault.Warning, Message: message}) }

// Warningf logs a formatted message at level warning, without a code.
func (l *Logger) Warningf(format string, args ...any) { l.Warning(fmt.Sprintf(format, args...)) }

// Error logs a message at level error, without a code.
func (l *Logger) Error(message string) { l.Log(Record{Level: fault.Error, Message: message}) }

// Errorf logs a formatted message at level error, without a code.
func (l *Logger) Errorf(format string, args ...any) { l.Error(fmt.Sprintf(format, args...)) }

// Critical logs a message at level critical, without a code.
func (l *Logger) Critical(message string) { l.Log(Record{Level: fault.Critical, Message: message}) }

// Close ends the handlers that must be ended: files, connections, the mail that was
// collected. Errors of handlers go to the fallback.
func (l *Logger) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.sinks {
		closer, ok := s.Handler.(io.Closer)
		if !ok {
			continue
		}
		if err := closer.Close(); err != nil {
			l.complain(err)
		}
	}
	l.sinks = nil
}
