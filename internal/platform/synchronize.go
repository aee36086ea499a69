package platform

// SyncRequest says what an environment gets from its parent.
type SyncRequest struct {
	Code             bool
	Data             bool // replaces its own
	Rebase           bool // its own commits come on top of the parent's, rather than being joined with them
	KeepPersonalData bool // production's data is not sanitised
}
