package envphp

import (
	"slices"
	"strings"

	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/urlmap"
)

// UpdatesURLs reports whether the shop's base URLs follow the routes, and what to log when
// not (spec: ece-tools 5.10). The names in the messages are the wrong way round, as ever.
func UpdatesURLs(in Input, masterLike bool) (ok bool, notes []Note) {
	switch {
	case in.Variables.ForceURLs:
		return true, nil
	case masterLike:
		return false, []Note{info("Skipping URL updates because we are deploying to a Production or Staging environment. You can override this behavior by setting the FORCE_URL_UPDATES variable to true.")}
	case !in.Variables.UpdateURLs:
		return false, []Note{info("Skipping URL updates because the URL_UPDATES variable is set to false.")}
	}
	return true, nil
}

// Replacement is a host that takes another one's place.
type Replacement struct{ Old, New string }

// Note is the log line of a replacement that changed something.
func (r Replacement) Note() Note {
	return info("Host was replaced: [" + r.Old + "] => [" + r.New + "]")
}

// Replacements compares the shop's base URLs, "secure" and "unsecure", with the routes.
// Placeholders such as {{base_url}} have no host and are left alone.
func Replacements(base map[string]string, sites urlmap.Map) []Replacement {
	var out []Replacement
	for _, kind := range []struct {
		name  string
		sites []urlmap.Site
	}{{"secure", sites.Secure}, {"unsecure", sites.Unsecure}} {
		old, wanted := urlmap.Host(base[kind.name]), urlmap.Host(urlmap.Find(kind.sites, ""))
		r := Replacement{old, wanted}
		if strings.Contains(base[kind.name], "{{") || old == "" || wanted == "" || old == wanted || slices.Contains(out, r) {
			continue
		}
		out = append(out, r)
	}
	return out
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
func ReplaceHosts(env *phparray.Array, sites urlmap.Map) (*phparray.Array, []Replacement) {
	out := env.Clone()
	var done []Replacement
	for _, r := range Replacements(BaseURLs(env), sites) {
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

func replaceHost(v any, r Replacement) (after any, changed bool) {
	switch v := v.(type) {
	case string:
		text := replaceWholeHost(v, r)
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

// replaceWholeHost replaces a host, also the domain of a longer one, but not a part of a
// name: of shop.test in www.shop.test, but not in myshop.test or shop.test.example.
func replaceWholeHost(text string, r Replacement) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, r.Old)
		if !found {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(before)
		if bounded(before, after) {
			b.WriteString(r.New)
		} else {
			b.WriteString(r.Old)
		}
		text = after
	}
}

func bounded(before, after string) bool {
	if before != "" && inName(before[len(before)-1]) {
		return false
	}
	return after == "" || !inName(after[0]) && (after[0] != '.' || len(after) == 1 || !inName(after[1]))
}

func inName(c byte) bool {
	return c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
