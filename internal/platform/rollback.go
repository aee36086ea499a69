package platform

// RollbackRequest says which release is to be deployed again, and on which data.
type RollbackRequest struct {
	Release  string // empty: the newest that served before the one that serves now
	CodeOnly bool   // also when the data has changed since the release served
}

// RollbackTarget is a release that served, with what a rollback to it would meet.
type RollbackTarget struct {
	Release

	Serves bool   // it serves now
	Fits   bool   // the data looks as it did when it served
	Reason string // why it cannot be deployed again, whatever the data is; empty when it can
}
