package apiv1

// Activity is one recorded, asynchronous job. The fields from Step on
// are this server's own.
type Activity struct {
	ID                string            `json:"id"`
	Type              string            `json:"type"`
	Parameters        map[string]string `json:"parameters"`
	Project           string            `json:"project"`
	Environments      []string          `json:"environments"`
	State             string            `json:"state"`
	Result            NullString        `json:"result"` // "success", "failure" or null
	CompletionPercent int               `json:"completion_percent"`
	Timings           Timings           `json:"timings"`
	Payload           Payload           `json:"payload"`
	Description       string            `json:"description"` // HTML
	Text              string            `json:"text"`        // Markdown
	Commands          []Command         `json:"commands"`
	CreatedAt         Time              `json:"created_at"`
	UpdatedAt         Time              `json:"updated_at"`
	StartedAt         Time              `json:"started_at"`
	CompletedAt       Time              `json:"completed_at"`
	CancelledAt       Time              `json:"cancelled_at"`
	Step              string            `json:"step"`  // last step that was begun
	Phase             string            `json:"phase"` // "wait", "build", "deploy" or "post-deploy"
	Steps             []Step            `json:"steps"` // those that ended, in order
	Release           NullString        `json:"release"`
	Reason            string            `json:"reason,omitempty"` // why it failed or was cancelled
	Hint              string            `json:"hint,omitempty"`   // what to do about it
	Hold              *Hold             `json:"hold,omitempty"`   // absent when nothing was held
	Links             Links             `json:"_links,omitempty"`
}

// The states of an activity; the last two are final.
const (
	StatePending    = "pending"
	StateInProgress = "in_progress"
	StateComplete   = "complete"
	StateCancelled  = "cancelled"
)

// The results of a complete activity.
const (
	ResultSuccess = "success"
	ResultFailure = "failure"
)

// The phases that users know.
const (
	PhaseWait       = "wait"
	PhaseBuild      = "build"
	PhaseDeploy     = "deploy"
	PhasePostDeploy = "post-deploy"
)

// Final reports whether the activity can no longer change.
func (a Activity) Final() bool { return a.State == StateComplete || a.State == StateCancelled }

// FailedPhase returns the phase in which a final activity failed, and "" when it succeeded
// or was cancelled. A hook that failed counts even when the activity as a whole succeeded.
func (a Activity) FailedPhase() string {
	switch {
	case a.State != StateComplete:
		return ""
	case a.Result == ResultFailure:
		return a.Phase
	}
	for _, c := range a.Commands {
		if c.ExitCode > 0 {
			return commandPhase(c.Type)
		}
	}
	return ""
}

func commandPhase(kind string) string {
	switch kind {
	case "build":
		return PhaseBuild
	case "post_deploy":
		return PhasePostDeploy
	default:
		return PhaseDeploy
	}
}

// Timings are seconds spent in the phases of an activity.
type Timings struct {
	Wait       float64 `json:"wait"`
	Build      float64 `json:"build"`
	Deploy     float64 `json:"deploy"`
	PostDeploy float64 `json:"post_deploy"`
	Execute    float64 `json:"execute"` // all but the wait
}

// Step is how long one step of a deployment took.
type Step struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// Payload is what notifications need.
type Payload struct {
	User        PayloadUser `json:"user"`
	Project     PayloadRef  `json:"project"`
	Environment PayloadRef  `json:"environment"`
	OldCommit   NullString  `json:"old_commit"`
	NewCommit   NullString  `json:"new_commit"`
	BackupName  NullString  `json:"backup_name,omitempty"` // of an activity about a backup
}

// PayloadUser is who started the activity.
type PayloadUser struct {
	ID          string `json:"id"`
	DisplayName string `json:"display_name"`
}

// PayloadRef names a resource.
type PayloadRef struct {
	ID string `json:"id"`
}

// Command is the outcome of one hook or operation.
type Command struct {
	App      string  `json:"app"`
	Type     string  `json:"type"`
	ExitCode int     `json:"exit_code"`
	Duration float64 `json:"duration"` // seconds
}

// Hold is what a deployment cost the visitors.
type Hold struct {
	StartedAt   Time    `json:"started_at"`
	ReleasedAt  Time    `json:"released_at"` // null while held
	Duration    float64 `json:"duration"`    // seconds
	LongestWait float64 `json:"longest_wait"`
	Held        int     `json:"held"`
	TimedOut    int     `json:"timed_out"`
	Refused     int     `json:"refused"`
	Left        int     `json:"left"`
	Cut         int     `json:"cut"`
	LongLived   int     `json:"long_lived"` // upgraded connections and event streams cut
	Bypassed    int     `json:"bypassed"`   // requests of operators let through
	Cached      int     `json:"cached"`     // served from the cache without a wait

	// Of requests that waited and were then served, once they are answered in full; seconds.
	FirstAnswer   float64 `json:"first_answer"`   // from the hold's beginning to the first of them; 0 when there was none
	SlowestAnswer float64 `json:"slowest_answer"` // of one of them, its wait included
}

// LogItem is one line of a log stream. The last item of a stream has
// Seal set; an item with an empty message is a heartbeat and repeats the last identifier.
type LogItem struct {
	ID   string   `json:"_id,omitempty"`
	Data *LogData `json:"data,omitempty"`
	Seal bool     `json:"seal,omitempty"`
}

// LogData is one entry of a log; the message ends in a newline.
type LogData struct {
	Timestamp Time   `json:"timestamp"`
	Message   string `json:"message"`
}
