// Package rehearsal is the report of a rehearsed deployment: what was seen before and after it is
// compared here, judged, and written as text, as Markdown and as JSON.
//
// It is pure: no I/O, no clock. It may import platform. Whatever comes from a container or a
// page is somebody else's text; it is cut and made printable before it becomes part of a report.
package rehearsal
