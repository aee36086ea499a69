package platform

import "time"

// RollbackRequest says which release is to be deployed again, and on which data.
type RollbackRequest struct {
	Release  string // empty: the newest that served before the one that serves now
	CodeOnly bool   // also when the data has changed since the release served
	WithData bool   // with the data of back then; what was written since is lost
}

// RollbackTarget is a release that served, with what a rollback to it would meet.
type RollbackTarget struct {
	Release

	Serves bool   // it serves now
	Fits   bool   // the data looks as it did when it served
	Reason string // why it cannot be deployed again, whatever the data is; empty when it can
	// DataOf is the moment whose data a rollback with data would bring back; zero when that data
	// is not there any more.
	DataOf time.Time
}
