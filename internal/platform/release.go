package platform

import (
	"encoding/json"
	"time"
)

// ReleaseState is where a release is in its life.
type ReleaseState string

// The release states. At most one release of an environment is live.
const (
	ReleasePreparing ReleaseState = "preparing" // containers may exist; receives no request
	ReleaseLive      ReleaseState = "live"      // receives the requests
	ReleaseRetired   ReleaseState = "retired"   // replaced; its slugs are kept for a rollback
	ReleaseFailed    ReleaseState = "failed"    // its containers are removed
)

// Release is one deployment of an environment: the slugs, the specification that the
// engine converged to and the routes that were published.
type Release struct {
	ID        string // "r" and a number that grows within the environment, such as "r12"
	Project   string
	Env       string // name of the environment
	Activity  string
	Commit    string
	State     ReleaseState
	Slugs     map[string]Slug // by application
	Routes    []Route
	Spec      json.RawMessage // what runs it again, in a format of internal/deploy; holds secrets: sealed at rest, never shown
	CreatedAt time.Time
	LiveAt    time.Time // zero unless it was ever live
	Data      DataState // what the data looked like when its deployment ended
	Before    string    // snapshot of the data from right before its deployment changed it; empty for none
}

// Slug is the read-only result of a build: an OCI image with the application in /app.
type Slug struct {
	App     string
	Key     string // see build.Key; equal keys mean equal slugs
	Ref     string // image reference that the engine can start
	Digest  string // content address of the image
	TreeID  string // Git tree of the application's directory
	Size    int64  // bytes of the application's layer; 0 when unknown
	BuiltAt time.Time
}

// StoredImage is what an image store says of one image.
type StoredImage struct {
	ImageRef

	Created time.Time
}

// ImageRef is an image in the engine's store.
type ImageRef struct {
	Ref    string // what the engine and the builder call it
	Digest string // content address; changes when the image does
}
