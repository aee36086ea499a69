package apiv1

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// timeLayout is RFC 3339 with microseconds, as the platform API writes it.
const timeLayout = "2006-01-02T15:04:05.000000-07:00"

// Time is a moment in UTC; the zero Time is null on the wire.
type Time struct{ time.Time }

// MarshalJSON writes RFC 3339 with microseconds, or null.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return []byte(t.UTC().Format(`"` + timeLayout + `"`)), nil
}

// String returns the time as on the wire, or "" for the zero Time.
func (t Time) String() string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(timeLayout)
}

// NullString is a string that is null on the wire when it is empty.
type NullString string

// MarshalJSON writes the string, or null for "".
func (s NullString) MarshalJSON() ([]byte, error) {
	if s == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(s))
}

// Links are the HAL links of a resource by relation. A relation that begins with "#" is
// an operation; a client may use it only when the link is there.
type Links map[string]Relation

// Set adds a relation with one target.
func (l Links) Set(rel, href string) { l[rel] = Relation{Hrefs: []string{href}} }

// Href returns the first target of a relation, or "".
func (l Links) Href(rel string) string {
	if r := l[rel]; len(r.Hrefs) > 0 {
		return r.Hrefs[0]
	}
	return ""
}

// Relation is the target of a link, or several when List is set.
type Relation struct {
	Hrefs []string
	List  bool
}

type link struct {
	Href string `json:"href"`
}

// MarshalJSON writes {"href": …}, or an array of them for a List.
func (r Relation) MarshalJSON() ([]byte, error) {
	links := make([]link, len(r.Hrefs))
	for i, h := range r.Hrefs {
		links[i] = link{h}
	}
	if r.List {
		return json.Marshal(links)
	}
	if len(links) != 1 {
		return nil, fmt.Errorf("marshal link: %d targets in a relation of one", len(links))
	}
	return json.Marshal(links[0])
}

// UnmarshalJSON reads either form.
func (r *Relation) UnmarshalJSON(data []byte) error {
	*r = Relation{}
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		var links []link
		if err := json.Unmarshal(data, &links); err != nil {
			return fmt.Errorf("read links: %w", err)
		}
		r.List = true
		for _, l := range links {
			r.Hrefs = append(r.Hrefs, l.Href)
		}
		return nil
	}
	var l link
	if err := json.Unmarshal(data, &l); err != nil {
		return fmt.Errorf("read link: %w", err)
	}
	r.Hrefs = []string{l.Href}
	return nil
}

// Accepted is the response to a change. Status and Code repeat the HTTP
// status.
type Accepted struct {
	Status   string   `json:"status"`
	Code     int      `json:"code"`
	Embedded Embedded `json:"_embedded"`
}

// Embedded is what a change started and what it changed.
type Embedded struct {
	Activities []Activity      `json:"activities"`
	Entity     json.RawMessage `json:"entity,omitempty"` // the resource after the change, if it exists
}

// Version names the server and its API.
type Version struct {
	Version string `json:"version"`
	API     string `json:"api"` // "1"
}
