package rehearsal

import (
	"cmp"
	"fmt"
	"slices"

	"sluice/internal/platform"
)

// Page is one page before and after the deployment.
type Page struct {
	Path   string   `json:"path"`
	Before Response `json:"before"`
	After  Response `json:"after"`
}

// Response is what came of a request.
type Response struct {
	Status   int     `json:"status"` // 0: there was no response
	Bytes    int64   `json:"bytes"`
	Seconds  float64 `json:"seconds"`
	Location string  `json:"location,omitempty"` // of a redirect
	Error    string  `json:"error,omitempty"`    // why there was none, or not all of it
}

func (r Response) failed() bool { return r.Error != "" || r.Status >= 400 }

func (r Response) outcome() string {
	if r.Error != "" {
		return "no response (" + r.Error + ")"
	}
	return fmt.Sprintf("status %d", r.Status)
}

// breaks reports whether visitors lose the page.
func (p Page) breaks() bool { return p.After.failed() && !p.Before.failed() }

// differs reports whether status, size or target are other ones.
func (p Page) differs() bool {
	return p.Before.Status != p.After.Status || p.Before.Bytes != p.After.Bytes || p.Before.Location != p.After.Location || (p.Before.Error == "") != (p.After.Error == "")
}

// ComparePages joins what was seen at the same paths, those that differ first. A page that
// one side was not asked for is left out.
func ComparePages(before, after []platform.PageVisit) []Page {
	pages := []Page{}
	for _, a := range after {
		i := slices.IndexFunc(before, func(b platform.PageVisit) bool { return b.Path == a.Path })
		if i >= 0 {
			pages = append(pages, Page{Path: Printable(a.Path), Before: response(before[i]), After: response(a)})
		}
	}
	rank := func(p Page) int {
		switch {
		case p.breaks():
			return 0
		case p.Before.Status != p.After.Status:
			return 1
		case p.differs():
			return 2
		}
		return 3
	}
	slices.SortStableFunc(pages, func(a, b Page) int { return cmp.Compare(rank(a), rank(b)) })
	return pages
}

func response(v platform.PageVisit) Response {
	return Response{Status: v.Status, Bytes: v.Bytes, Seconds: v.Duration.Seconds(), Location: Printable(v.Location), Error: Printable(v.Error)}
}

// change says what is different about a page, in a few words.
func (p Page) change() string {
	switch {
	case p.Before.outcome() != p.After.outcome():
		return p.Before.outcome() + " → " + p.After.outcome()
	case p.Before.Location != p.After.Location:
		return "redirects to " + cmp.Or(p.After.Location, "nowhere") + ", before to " + cmp.Or(p.Before.Location, "nowhere")
	case p.Before.Bytes != p.After.Bytes:
		return fmt.Sprintf("%d bytes → %d bytes (%+d)", p.Before.Bytes, p.After.Bytes, p.After.Bytes-p.Before.Bytes)
	}
	return "as before"
}
