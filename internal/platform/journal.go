package platform

import "time"

// LogEntry is one line of an activity's log, as it is recorded, shown and resumed.
type LogEntry struct {
	ID      int // 1 for the first line of the activity, growing by one; a reader resumes after it
	Time    time.Time
	Message string // plain text of at least one line, without the final newline
}

// ActivityFilter selects activities. The zero filter selects all; every field that
// is set narrows it. Activities come newest first.
type ActivityFilter struct {
	Project     string
	Environment string // name of the environment
	Types       []ActivityType
	States      []ActivityState
	Result      ActivityResult
	Before      time.Time // created before it, exclusively; the zero time sets no bound
	Limit       int       // the most activities to return; 0 leaves it to the store
}
