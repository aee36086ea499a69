package configcmd

import (
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/internal/manifest"
	"sluice/internal/toolkit/fault"
)

// Variables writes the reference of all stage variables as Markdown (schema:generate).
func Variables(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Variables of .magento.env.yaml\n")
	for _, v := range manifest.StageVariables() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| | |\n| --- | --- |\n", v.Name, v.Doc)
		fmt.Fprintf(&b, "| Type | %s |\n", v.Type)
		fmt.Fprintf(&b, "| Magento version | %s |\n", cell(v.Magento, "any"))
		fmt.Fprintf(&b, "| Stages | %s |\n", strings.Join(v.Stages, ", "))
		fmt.Fprintf(&b, "| Allowed values | %s |\n", allowed(v))
		fmt.Fprintf(&b, "\n```yaml\n%s```\n", example(v))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func cell(text, empty string) string {
	if text == "" {
		return empty
	}
	return strings.ReplaceAll(text, "|", `\|`)
}

func allowed(v manifest.StageVariable) string {
	switch {
	case v.Range != nil:
		return fmt.Sprintf("%d to %d", v.Range[0], v.Range[1])
	case len(v.Allowed) > 0:
		return cell(strings.Join(v.Allowed, ", "), "")
	}
	return "any"
}

// example sets the variable to its default in the first stage that may have it.
func example(v manifest.StageVariable) string {
	stage := v.Stages[len(v.Stages)-1]
	value := v.DefaultFor(stage)
	if len(v.Allowed) > 0 && v.Type == manifest.TypeString {
		value = v.Allowed[0]
	}
	text, err := yaml.Marshal(map[string]any{"stage": map[string]any{stage: map[string]any{v.Name: value}}})
	if err != nil {
		return ""
	}
	return string(text)
}

// ErrorCodes writes the table of error codes as Markdown, by type and stage
// (dev:generate:schema-error).
func ErrorCodes(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Error codes\n")
	for _, t := range []struct {
		kind  fault.Type
		title string
	}{{fault.Fails, "Critical errors"}, {fault.Warns, "Warnings"}} {
		fmt.Fprintf(&b, "\n## %s\n", t.title)
		for _, stage := range []string{fault.StageBuild, fault.StageDeploy, fault.StagePostDeploy, fault.StageGeneral} {
			writeCodes(&b, t.kind, stage)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeCodes(b *strings.Builder, kind fault.Type, stage string) {
	head := false
	for _, e := range fault.Entries() {
		if e.Type != kind || e.Stage != stage {
			continue
		}
		if !head {
			fmt.Fprintf(b, "\n### %s stage\n\n| Code | Step | Title | What to do |\n| --- | --- | --- | --- |\n", strings.ToUpper(stage[:1])+stage[1:])
			head = true
		}
		fmt.Fprintf(b, "| %d | %s | %s | %s |\n", e.Code, cell(e.Step, ""), cell(e.Title, ""), cell(strings.ReplaceAll(e.Suggestion, "\n", " "), ""))
	}
}
