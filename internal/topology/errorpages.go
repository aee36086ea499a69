package topology

import (
	"bytes"
	"fmt"
	"html/template"
	"strconv"

	"sluice/internal/contract"
	"sluice/internal/engine"
	"sluice/internal/manifest"
)

const pagesDir = contract.ConfigDir + "/pages"

// errorPage is what visitors see when the web server itself has to report an error. The
// responses of an application are never replaced.
type errorPage struct {
	Status      int
	Title, Text string
}

func errorPages(app *manifest.Application) []errorPage {
	const mib = 1 << 20
	return []errorPage{
		{403, "Access denied", "You do not have permission to view this page."},
		{404, "Page not found", "There is nothing at this address. Please check the spelling, or go back to the home page."},
		{413, "Upload too large", fmt.Sprintf("The limit is %d MB.", maxBody(app)/mib)},
		{502, "Site error", "The application closed the connection without responding. Please try again in a moment."},
		{504, "Site timeout", "The application did not respond in time. Please try again in a moment."},
	}
}

// pageFiles are the pages as files, without any resource from elsewhere.
func pageFiles(app *manifest.Application) []engine.File {
	pages := errorPages(app)
	files := make([]engine.File, 0, len(pages))
	for _, p := range pages {
		var b bytes.Buffer
		_ = pageTemplate().Execute(&b, p) // a constant template, plain values and a buffer
		files = append(files, engine.File{Path: pagesDir + "/" + strconv.Itoa(p.Status) + ".html", Mode: 0o644, Content: b.String()})
	}
	return files
}

// errorPages writes which page stands for which status, and where it is.
func (n *nginx) errorPages() {
	for _, p := range errorPages(n.app) {
		n.line(2, "error_page %d @page%d;", p.Status, p.Status)
		fmt.Fprintf(&n.named, "        location @page%d {\n            root %s;\n", p.Status, pagesDir)
		if p.Status >= 500 {
			n.named.WriteString("            add_header Cache-Control no-store always;\n")
		}
		fmt.Fprintf(&n.named, "            try_files /%d.html =%d;\n        }\n", p.Status, p.Status)
	}
}

func pageTemplate() *template.Template {
	return template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{{.Title}}</title>
<style>
:root { color-scheme: light dark; }
body { min-height: 100vh; margin: 0; padding: 1.5rem; box-sizing: border-box; display: grid; place-items: center; font: 1.0625rem/1.6 system-ui, sans-serif; background: #f6f8fa; color: #1b2733; }
main { max-width: 30rem; text-align: center; }
h1 { margin: 0 0 .5rem; font-size: 1.5rem; line-height: 1.25; }
p { margin: 0; }
small { display: block; margin-top: 1.5rem; color: #5b6b7a; }
@media (prefers-color-scheme: dark) { body { background: #10171d; color: #e8eef3; } small { color: #9db0c0; } }
</style>
</head>
<body>
<main>
<h1>{{.Title}}</h1>
<p>{{.Text}}</p>
<small>{{.Status}}</small>
</main>
</body>
</html>
`))
}
