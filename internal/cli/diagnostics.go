package cli

import (
	"io"
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
		return manifest.WriteJSON(w, found)
	case "sarif":
		return manifest.WriteSARIF(w, found)
	default:
		return usageError("use text, json or sarif", "unknown format %q", format)
	}
}
