package manifest

import (
	"fmt"
	"strings"
)

// Position is a place in a file; line and column count from 1, 0 means unknown.
type Position struct {
	File   string
	Line   int
	Column int
}

// String returns "file:line:column", without the parts that are unknown.
func (p Position) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	default:
		return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
	}
}

// from names the place for a message about another one: "on line 5" in the same file.
func (p Position) from(other Position) string {
	if p.File == other.File && p.Line > 0 {
		return fmt.Sprintf("on line %d", p.Line)
	}
	return "at " + p.String()
}

// Severity says what a diagnostic means for the push.
type Severity string

// An error refuses the push; a warning and a notice are printed.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
	SeverityNotice  Severity = "notice"
)

// Diagnostic is one finding.
type Diagnostic struct {
	Pos      Position
	Severity Severity
	Rule     string // stable identifier, "unknown-key"
	Message  string // what
	Why      string // why it matters; may be empty
	Fix      string // what to write instead; may be empty
}

// String returns "file:line:column: severity: what; why; fix".
func (d Diagnostic) String() string {
	return fmt.Sprintf("%s: %s: %s", d.Pos, d.Severity, d.sentence())
}

// sentence is what, why and fix, without the parts that are not given.
func (d Diagnostic) sentence() string {
	parts := []string{d.Message}
	if d.Why != "" {
		parts = append(parts, d.Why)
	}
	if d.Fix != "" {
		parts = append(parts, d.Fix)
	}
	return strings.ReplaceAll(strings.Join(parts, "; "), ".; ", ". ")
}

// Diagnostics is a list of findings in stable order: file, line, column, message.
type Diagnostics []Diagnostic

// HasErrors reports whether any finding is an error.
func (ds Diagnostics) HasErrors() bool {
	for _, d := range ds {
		if d.Severity == SeverityError {
			return true
		}
	}
	return false
}
