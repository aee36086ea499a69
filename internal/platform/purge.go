package platform

import "strings"

// Purge says what is removed from an environment's HTTP cache: everything, or by URL, or
// by what it was made from.
type Purge struct {
	URL    string `json:"url,omitempty"`    // absolute; "//host/path" means both schemes; "" for everything
	Prefix bool   `json:"prefix,omitempty"` // every URL that begins with it

	// Tags are those that the application gave its responses (X-Magento-Tags, Surrogate-Key,
	// Cache-Tag): responses that have one of them are removed.
	Tags []string `json:"tags,omitempty"`
}

// The limits of one purge by tags.
const (
	MaxPurgeTags = 1000
	maxTagBytes  = 256
)

// Validate returns CodeInvalid for a purge that cannot be carried out.
func (p Purge) Validate() error {
	switch {
	case p.Prefix && p.URL == "":
		return Errorf(CodeInvalid, "a prefix needs a URL; nothing was removed")
	case p.URL != "" && len(p.Tags) > 0:
		return Errorf(CodeInvalid, "a purge is by URL or by tags, not by both; nothing was removed").
			WithHint("purge twice")
	case len(p.Tags) > MaxPurgeTags:
		return Errorf(CodeInvalid, "%d tags are more than the %d of one purge; nothing was removed", len(p.Tags), MaxPurgeTags).
			WithHint("purge several times, or everything")
	}
	for _, tag := range p.Tags {
		if tag == "" || len(tag) > maxTagBytes || strings.ContainsAny(tag, ", \t\r\n\x00") {
			return Errorf(CodeInvalid, "%q is not a tag, which has 1 to %d bytes and no comma or space; nothing was removed", tag, maxTagBytes)
		}
	}
	return nil
}

// PurgeReport is what a purge removed.
type PurgeReport struct {
	Removed int `json:"removed"` // cached responses; one URL has several when it varies
}
