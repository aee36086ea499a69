package platform

// Purge says what is removed from an environment's HTTP cache: everything, or by URL.
type Purge struct {
	URL    string `json:"url,omitempty"`    // absolute; "//host/path" means both schemes; "" for everything
	Prefix bool   `json:"prefix,omitempty"` // every URL that begins with it
}

// PurgeReport is what a purge removed.
type PurgeReport struct {
	Removed int `json:"removed"` // kept answers; one URL has several when it varies
}
