package relay

import (
	"fmt"
	"log/slog"
	"runtime/debug"
)

// stopPanic is deferred in goroutines of one request: a panic there ends that request and
// not the process.
func stopPanic(abort func()) {
	if problem := recover(); problem != nil {
		slog.Error("relaying a request panicked", slog.String("panic", fmt.Sprint(problem)), slog.String("stack", string(debug.Stack())))
		abort()
	}
}
