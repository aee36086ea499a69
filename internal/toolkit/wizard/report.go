package wizard

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Report is what a wizard found.
type Report struct {
	Wizard string `json:"wizard"`
	OK     bool   `json:"ok"`
	// Result is the wizard's one-line answer.
	Result string `json:"result"`
	Items  []Item `json:"items"`
	// Status is what the process ends with.
	Status int `json:"status"`

	// resultFirst prints the result before the items.
	resultFirst bool
}

// Item is one thing that keeps the answer from being better.
type Item struct {
	Text       string `json:"text"`
	Suggestion string `json:"suggestion,omitempty"`
	// Hold is what it adds to a deployment's hold; nil when nothing is known of it. Only
	// wizard:all estimates.
	Hold *Estimate `json:"hold,omitempty"`
}

// Estimate is a time under the hold.
type Estimate struct {
	Seconds float64 `json:"seconds"`
	// Source says where the figure comes from.
	Source string `json:"source"`
}

// The colours of a result on a terminal: green, and white on red.
const (
	good  = "\x1b[32m"
	bad   = "\x1b[37;41m"
	plain = "\x1b[39;49m"
)

// Print writes the report as the original does; colours are for terminals.
func (r Report) Print(w io.Writer, colours bool) error {
	var list strings.Builder
	for _, item := range r.Items {
		list.WriteString(" - " + item.Text + "\n")
		if item.Hold != nil {
			fmt.Fprintf(&list, "   adds about %.1f s to the hold (%s)\n", item.Hold.Seconds, item.Hold.Source)
		}
	}
	items, result := list.String(), r.Result+"\n"
	if colours {
		on := good
		if !r.OK {
			on = bad
		}
		result = on + r.Result + plain + "\n"
	}
	if r.resultFirst {
		items, result = result, items
	}
	_, err := io.WriteString(w, items+result)
	return err
}

// PrintJSON writes reports as one JSON document: an object for one, else a list.
func PrintJSON(w io.Writer, reports ...Report) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "    ")
	e.SetEscapeHTML(false)
	if len(reports) == 1 {
		return e.Encode(reports[0])
	}
	return e.Encode(reports)
}
