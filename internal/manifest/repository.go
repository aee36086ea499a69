package manifest

import (
	"bytes"
	"fmt"
	"strings"
)

// repository warns about files that Git only points to: a commit has neither submodules
// nor what Git LFS keeps, and nothing here fetches them. An application in a submodule
// would be deployed as an empty directory.
func (p *parser) repository(m *Manifest) {
	p.submodules(m)
	p.largeFiles()
}

func (p *parser) submodules(m *Manifest) {
	const file = ".gitmodules"
	data, err := p.file(file)
	if err != nil {
		return // there is none, or nothing that Git itself would read
	}
	for i, line := range bytes.Split(data, []byte("\n")) {
		name, value, _ := strings.Cut(string(line), "=")
		if urlWithSecret(value) {
			p.check.warn(Position{File: file, Line: i + 1, Column: 1}, "committed-secret", "the address has a password or token", readable, "write the address without it")
		}
		dir := cleanPath(strings.TrimSpace(value))
		if strings.TrimSpace(name) != "path" || dir == "" || !p.exists(dir) {
			continue
		}
		pos := Position{File: file, Line: i + 1, Column: 1}
		what := show(dir) + " is a submodule"
		const why, fix = "submodules are not fetched; its directory is empty in the application", "commit its files (git rm --cached, then git add), or fetch them in the build hook"
		for _, a := range m.Apps {
			if a.Root == dir || strings.HasPrefix(a.Root, dir+"/") {
				p.check.fail(pos, "submodule", fmt.Sprintf("%s, and application %s is in it", what, show(a.Name)), why, fix)
				what = ""
			}
		}
		if what != "" {
			p.check.warn(pos, "submodule", what, why, fix)
		}
	}
}

func (p *parser) largeFiles() {
	const file = ".gitattributes"
	data, err := p.file(file)
	if err != nil {
		return
	}
	for i, line := range bytes.Split(data, []byte("\n")) {
		fields := strings.Fields(string(line))
		if len(fields) < 2 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		for _, attribute := range fields[1:] {
			if attribute == "filter=lfs" {
				p.check.warn(Position{File: file, Line: i + 1, Column: 1}, "git-lfs", fmt.Sprintf("files %s are kept by Git LFS", show(fields[0])),
					"the application gets the pointers that are committed, not the files", "commit the files themselves (git lfs migrate export), or fetch them in the build hook")
			}
		}
	}
}
