package cli

import (
	"io"
	"slices"
	"strings"

	"sluice/internal/manifest"
)

// writeDiagnostics writes findings as text, as JSON, or as SARIF 2.1.0 for code hosts.
func writeDiagnostics(w io.Writer, format string, found manifest.Diagnostics) error {
	switch format {
	case "text":
		var b strings.Builder
		for _, d := range found {
			b.WriteString(printable(d.String()) + "\n")
		}
		return writeText(w, b.String())
	case "json":
		out := make([]finding, 0, len(found))
		for _, d := range found {
			out = append(out, finding{d.Pos.File, d.Pos.Line, d.Pos.Column, string(d.Severity), d.Rule, d.Message, d.Why, d.Fix})
		}
		return printJSON(w, out)
	case "sarif":
		return printJSON(w, newSARIF(found))
	default:
		return usageError("use text, json or sarif", "there is no format %q", format)
	}
}

// finding is a diagnostic in JSON.
type finding struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Severity string `json:"severity"`
	Rule     string `json:"rule"`
	Message  string `json:"message"`
	Why      string `json:"why,omitempty"`
	Fix      string `json:"fix,omitempty"`
}

// The parts of SARIF 2.1.0 that findings need.
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
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
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

func newSARIF(found manifest.Diagnostics) sarifLog {
	run := sarifRun{Tool: sarifTool{Driver: sarifDriver{Name: "sluice", Rules: []sarifRule{}}}, Results: []sarifResult{}}
	var rules []string
	for _, d := range found {
		rules = append(rules, d.Rule)
		run.Results = append(run.Results, newSARIFResult(d))
	}
	slices.Sort(rules)
	for _, id := range slices.Compact(rules) {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{id})
	}
	return sarifLog{
		Schema:  "https://json.schemastore.org/sarif-2.1.0.json",
		Version: "2.1.0",
		Runs:    []sarifRun{run},
	}
}

func newSARIFResult(d manifest.Diagnostic) sarifResult {
	level := string(d.Severity)
	if d.Severity == manifest.SeverityNotice {
		level = "note"
	}
	at := sarifPhysical{Artifact: sarifArtifact{URI: d.Pos.File}}
	if d.Pos.Line > 0 {
		at.Region = &sarifRegion{StartLine: d.Pos.Line, StartColumn: d.Pos.Column}
	}
	parts := slices.DeleteFunc([]string{d.Message, d.Why, d.Fix}, func(s string) bool { return s == "" })
	text := strings.Join(parts, "; ") + "."
	return sarifResult{RuleID: d.Rule, Level: level, Message: sarifText{text}, Locations: []sarifLocation{{at}}}
}
