package platform

import (
	"encoding/json"
	"time"
)

// OptionRehearse is the push option, with the value "true", that has the pushed commits rehearsed
// for production. A push to production is deployed only after that succeeded.
const OptionRehearse = "sluice.rehearse"

// PageVisit is what came of one request for a page.
type PageVisit struct {
	Path     string // as it was asked for
	Status   int    // 0: there was no response
	Bytes    int64  // of the body
	Duration time.Duration
	Location string // of a redirect, without the site's own origin
	Error    string // why there was no response, or not all of it
}

// RehearseRequest asks for the rehearsal of a deployment to production.
type RehearseRequest struct {
	From             string   // the environment whose head is deployed
	Pages            []string // that are compared beside those of the project
	KeepPersonalData bool     // production's data is not sanitised
}

// Rehearsal is the record of a rehearsal of a deployment.
type Rehearsal struct {
	Activity    string
	Project     string
	Environment string // for which it was rehearsed
	Tree        string // digest of what was deployed, see plan.TreeDigest
	// Subnet is the network that its containers have while it runs; empty once they are gone.
	Subnet    string
	Slugs     []Slug          // that it used; empty once they were deleted
	Report    json.RawMessage // in the format of internal/rehearsal; empty until it is known
	CreatedAt time.Time
}
