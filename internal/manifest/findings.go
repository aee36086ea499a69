package manifest

import (
	"cmp"
	"fmt"
	"slices"
)

// maxFindings bounds what one run reports; a hostile file could earn a finding per byte.
const maxFindings = 500

// findings collects diagnostics while files are read.
type findings struct {
	list Diagnostics
	more int // findings that were dropped
}

func (f *findings) add(d Diagnostic) {
	if len(f.list) >= maxFindings && d.Severity != SeverityError {
		f.more++
		return
	}
	if len(f.list) >= 2*maxFindings {
		f.more++
		return
	}
	f.list = append(f.list, d)
}

// sorted returns the findings in stable order without repetitions. A mistake inside an
// anchor that is used ten times is reported once.
func (f *findings) sorted() Diagnostics {
	out := slices.Clone(f.list)
	slices.SortStableFunc(out, compareDiagnostics)
	out = slices.Compact(out)
	if f.more > 0 {
		out = append(out, Diagnostic{
			Severity: SeverityNotice, Rule: "more-findings",
			Message: fmt.Sprintf("%d more findings are not shown", f.more),
			Fix:     "fix the first ones and run the check again",
		})
	}
	return out
}

// compareDiagnostics orders findings by place, then by text.
func compareDiagnostics(a, b Diagnostic) int {
	return cmp.Or(
		cmp.Compare(a.Pos.File, b.Pos.File),
		cmp.Compare(a.Pos.Line, b.Pos.Line),
		cmp.Compare(a.Pos.Column, b.Pos.Column),
		cmp.Compare(a.Message, b.Message),
		cmp.Compare(a.Rule, b.Rule),
	)
}
