package envphp

import (
	"sluice/internal/toolkit/phparray"
)

// dumped are the parts of config.php that config:dump keeps.
func dumped() [][]string {
	return [][]string{
		{"scopes"},
		{"system", "default", "general", "locale", "code"},
		{"system", "default", "dev", "static", "sign"},
		{"system", "default", "dev", "front_end_development_workflow"},
		{"system", "default", "dev", "template"},
		{"system", "default", "dev", "js"},
		{"system", "default", "dev", "css"},
		{"system", "default", "advanced", "modules_disable_output"},
		{"system", "stores"},
		{"system", "websites"},
	}
}

// Dumped returns what config:dump keeps of a full config.php: what static content needs, and
// the locales of admin users. It adds the modules when the version has them there.
func Dumped(config *phparray.Array, adminLocales []string, withModules bool) *phparray.Array {
	out := phparray.New()
	paths := dumped()
	if withModules {
		paths = append(paths, []string{"modules"})
	}
	for _, path := range paths {
		if v := config.Clone().Get(path...); phparray.Truthy(v) {
			out.SetAt(v, path...)
		}
	}
	for _, scope := range []string{"stores", "websites"} {
		if all := out.Sub("system", scope); all != nil {
			out.SetAt(onlyLocales(all), "system", scope)
		}
	}
	if len(adminLocales) > 0 {
		out.SetAt(phparray.From(adminLocales), "admin_user", "locale", "code")
	}
	return out
}

// onlyLocales keeps the locale of each store or website; those without one are left out.
func onlyLocales(scope *phparray.Array) *phparray.Array {
	out := phparray.New()
	for key, v := range scope.All() {
		of, ok := v.(*phparray.Array)
		if !ok {
			continue
		}
		if locale := of.Get("general", "locale", "code"); locale != nil {
			kept := phparray.New()
			kept.SetAt(locale, "general", "locale", "code")
			out.Put(key, kept)
		}
	}
	return out
}
