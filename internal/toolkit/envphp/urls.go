package envphp

import (
	"slices"

	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/urlmap"
)

// UpdatesURLs reports whether the shop's base URLs follow the routes, and what to log when
// not. The names in the messages are the wrong way round, as in the original.
func UpdatesURLs(in Input, live bool) (ok bool, notes []Note) {
	switch {
	case in.Variables.ForceURLs:
		return true, nil
	case live:
		return false, []Note{info("Skipping URL updates because we are deploying to a Production or Staging environment. You can override this behavior by setting the FORCE_URL_UPDATES variable to true.")}
	case !in.Variables.UpdateURLs:
		return false, []Note{info("Skipping URL updates because the URL_UPDATES variable is set to false.")}
	}
	return true, nil
}

// Replaced is the log line of a replacement that changed something.
func Replaced(r urlmap.Replacement) Note {
	return info("Host was replaced: [" + r.Old + "] => [" + r.New + "]")
}

// connectionSections are parts of env.php whose hosts are not those of the shop.
func connectionSections() []string {
	return []string{"db", "resource", "cache", "session", "queue", "lock", "crypt", "remote_storage", "cron_consumers_runner"}
}

// BaseURLs returns the base URLs that env.php fixes, by "secure" and "unsecure".
func BaseURLs(env *phparray.Array) map[string]string {
	out := map[string]string{}
	for _, kind := range []string{"secure", "unsecure"} {
		out[kind] = env.Text("system", "default", "web", kind, "base_url")
	}
	return out
}

// ReplaceHosts returns env.php with the hosts of its base URLs following the routes, and the
// replacements that changed something. Only texts outside of connections change.
func ReplaceHosts(env *phparray.Array, sites urlmap.Map) (*phparray.Array, []urlmap.Replacement) {
	out := env.Clone()
	var done []urlmap.Replacement
	for _, r := range sites.Replacements(BaseURLs(env)) {
		changed := false
		for key, v := range out.All() {
			if slices.Contains(connectionSections(), key.String()) {
				continue
			}
			after, ok := replaceHost(v, r)
			if ok {
				out.Put(key, after)
				changed = true
			}
		}
		if changed {
			done = append(done, r)
		}
	}
	return out, done
}

func replaceHost(v any, r urlmap.Replacement) (after any, changed bool) {
	switch v := v.(type) {
	case string:
		text := r.Apply(v)
		return text, text != v
	case *phparray.Array:
		for key, item := range v.Clone().All() {
			if item, ok := replaceHost(item, r); ok {
				v.Put(key, item)
				changed = true
			}
		}
	}
	return v, changed
}
