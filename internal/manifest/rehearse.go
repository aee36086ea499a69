package manifest

// Rehearse is what a rehearsal of a deployment looks at beside what it always does.
type Rehearse struct {
	Pages  []string // paths below the primary route, or URLs of the environment, as WARM_UP_PAGES has them
	Checks []Check  // in the order of the file
}

// Check is a script that runs in the web container of the rehearsed release, once it serves. It
// passes with exit status 0.
type Check struct {
	Name   string
	Script string
}

func rehearseSchema() *shape {
	return object(
		property{key: "pages", shape: listOf(text()), doc: "Pages whose status and size are compared with those of production's release, beside `/` and those of `WARM_UP_PAGES`: paths, or URLs of the environment."},
		property{key: "checks", shape: mapOf("check", text()), doc: "Scripts by name. They run one after the other in the web container of the rehearsed release, once it serves; the rehearsal fails with the first that does not exit with 0, after all have run."},
	)
}

func decodeRehearse(n *node) Rehearse {
	r := Rehearse{Pages: n.get("pages").strings()}
	if checks := n.get("checks"); checks.isMap() {
		for _, e := range checks.entries {
			r.Checks = append(r.Checks, Check{Name: e.key, Script: e.value.str()})
		}
	}
	return r
}
