package manifest

import (
	"encoding/json"
	"io"
	"slices"
)

// Count returns how many findings have a severity.
func (ds Diagnostics) Count(s Severity) int {
	n := 0
	for _, d := range ds {
		if d.Severity == s {
			n++
		}
	}
	return n
}

// jsonReport is the JSON form of findings.
type jsonReport struct {
	Diagnostics []Diagnostic `json:"diagnostics"`
	Errors      int          `json:"errors"`
	Warnings    int          `json:"warnings"`
	Notices     int          `json:"notices"`
}

type jsonDiagnostic struct {
	File     string   `json:"file"`
	Line     int      `json:"line,omitempty"`
	Column   int      `json:"column,omitempty"`
	Severity Severity `json:"severity"`
	Rule     string   `json:"rule"`
	Message  string   `json:"message"`
	Why      string   `json:"why,omitempty"`
	Fix      string   `json:"fix,omitempty"`
}

// MarshalJSON makes one flat object of the finding.
func (d Diagnostic) MarshalJSON() ([]byte, error) {
	return json.Marshal(jsonDiagnostic{
		File: d.Pos.File, Line: d.Pos.Line, Column: d.Pos.Column,
		Severity: d.Severity, Rule: d.Rule, Message: d.Message, Why: d.Why, Fix: d.Fix,
	})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (d *Diagnostic) UnmarshalJSON(data []byte) error {
	var j jsonDiagnostic
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*d = Diagnostic{
		Pos: Position{File: j.File, Line: j.Line, Column: j.Column}, Severity: j.Severity, Rule: j.Rule,
		Message: j.Message, Why: j.Why, Fix: j.Fix,
	}
	return nil
}

// WriteJSON writes the findings and their numbers as one JSON object.
func WriteJSON(w io.Writer, ds Diagnostics) error {
	report := jsonReport{
		Diagnostics: append([]Diagnostic{}, ds...),
		Errors:      ds.Count(SeverityError),
		Warnings:    ds.Count(SeverityWarning),
		Notices:     ds.Count(SeverityNotice),
	}
	return writeIndented(w, report)
}

// The parts of SARIF 2.1.0 that code hosts read.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool    sarifTool     `json:"tool"`
		Results []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name  string      `json:"name"`
		Rules []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID string `json:"id"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		Level     string          `json:"level"`
		Message   sarifMessage    `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn,omitempty"`
	}
)

// WriteSARIF writes the findings as a SARIF 2.1.0 log, which code hosts show next to the
// lines of a change.
func WriteSARIF(w io.Writer, ds Diagnostics) error {
	run := sarifRun{Tool: sarifTool{Driver: sarifDriver{Name: "sluice", Rules: sarifRules(ds)}}, Results: make([]sarifResult, 0, len(ds))}
	for _, d := range ds {
		run.Results = append(run.Results, sarifResultOf(d))
	}
	return writeIndented(w, sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}})
}

func sarifRules(ds Diagnostics) []sarifRule {
	rules := make([]sarifRule, 0, len(ds))
	for _, d := range ds {
		if !slices.Contains(rules, sarifRule{ID: d.Rule}) {
			rules = append(rules, sarifRule{ID: d.Rule})
		}
	}
	return rules
}

func sarifResultOf(d Diagnostic) sarifResult {
	level := map[Severity]string{SeverityError: "error", SeverityWarning: "warning", SeverityNotice: "note"}[d.Severity]
	place := sarifPhysical{Artifact: sarifArtifact{URI: d.Pos.File}}
	if d.Pos.Line > 0 {
		place.Region = &sarifRegion{StartLine: d.Pos.Line, StartColumn: d.Pos.Column}
	}
	return sarifResult{RuleID: d.Rule, Level: level, Message: sarifMessage{Text: d.sentence()}, Locations: []sarifLocation{{Physical: place}}}
}

func writeIndented(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
