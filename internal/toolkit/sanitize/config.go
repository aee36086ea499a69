package sanitize

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

//go:embed config.txt
var configText string

// configRow is a row of core_config_data.
type configRow struct {
	id                 int
	scope, path, value string
	null               bool
}

// configChange is what becomes of the configuration.
type configChange struct {
	remove []int             // rows
	change map[int]string    // row -> value
	insert map[string]string // path -> value of the default scope
	warn   []string          // paths whose name says secret, and that stay
}

// configRule is a line of config.txt, or a part of one.
type configRule struct {
	verb, value string
	pattern     *regexp.Regexp
	path        string // as it is written
}

// configRules reads config.txt.
func configRules(text string) ([]configRule, error) {
	var all []configRule
	err := eachLine("config.txt", text, func(verb string, patterns []string) error {
		value := ""
		switch verb {
		case "keep", "delete":
		case "set", "value":
			if len(patterns) != 2 {
				return fmt.Errorf("%s needs a path and a value", verb)
			}
			patterns, value = patterns[:1], patterns[1]
		default:
			return fmt.Errorf("unknown verb %q", verb)
		}
		for _, p := range patterns {
			all = append(all, configRule{verb, value, pathPattern(p), p})
		}
		return nil
	})
	return all, err
}

// pathPattern makes an expression of a pattern: * is a part of a path or the rest of one, ** any
// number of parts.
func pathPattern(p string) *regexp.Regexp {
	quoted := regexp.QuoteMeta(p)
	quoted = strings.ReplaceAll(quoted, `\*\*/`, `(.*/)?`)
	quoted = strings.ReplaceAll(quoted, `\*\*`, `.*`)
	quoted = strings.ReplaceAll(quoted, `\*`, `[^/]*`)
	return regexp.MustCompile("^" + quoted + "$")
}

// encrypted matches what Magento's encryption makes.
var encrypted = regexp.MustCompile(encryptedPattern)

// secretName matches last parts of paths that say secret.
var secretName = regexp.MustCompile(`(?i)key|secret|passw|pwd|token|user(name|_?id)?$|login|account|signature|cert|merchant_?id|client_?id|license|salt|api`)

// harmlessName matches last parts that only look so.
var harmlessName = regexp.MustCompile(`(?i)template|lifetime|length|limit|captcha|enable|active|required|create_|redirect|confirm|share|title|sort|identity`)

// coreSections are the sections of configuration that Magento itself has, in which a name
// alone deletes nothing.
func coreSections() []string {
	return []string{
		"admin", "catalog", "cataloginventory", "checkout", "cms", "contact", "csp", "currency", "customer", "design", "dev", "downloadable", "general", "graphql", "import", "indexer",
		"layered_navigation", "login_as_customer", "msrp", "multishipping", "newsletter", "oauth", "pagebuilder", "persistent", "promo", "reports", "rss", "sales", "sales_email",
		"sales_pdf", "sendfriend", "shipping", "sitemap", "system", "tax", "trans_email", "url", "web", "webapi", "wishlist", "cron", "async", "bulk", "queue",
	}
}

// configuration decides about rows.
type configuration struct {
	rules   []configRule
	secrets map[string]bool   // paths that the modules declare as secret
	own     map[string]string // the project's
}

// decide returns the verb for a row and the value that goes with it: keep, warn, delete, set, value.
func (c *configuration) decide(path, value string) (verb, to string) {
	if own, ok := c.own[path]; ok {
		if own == "keep" {
			return "keep", ""
		}
		return "set", own
	}
	if encrypted.MatchString(value) {
		return "delete", ""
	}
	for _, r := range c.rules {
		if r.pattern.MatchString(path) {
			return r.verb, r.value
		}
	}
	if c.secrets[path] {
		return "delete", ""
	}
	last := path[strings.LastIndex(path, "/")+1:]
	if !secretName.MatchString(last) || harmlessName.MatchString(last) {
		return "keep", ""
	}
	section, _, _ := strings.Cut(path, "/")
	if slices.Contains(coreSections(), section) {
		return "warn", ""
	}
	return "delete", ""
}

// plan says what becomes of all rows.
func (c *configuration) plan(rows []configRow) configChange {
	out := configChange{change: map[int]string{}, insert: map[string]string{}}
	for _, r := range c.rules {
		if r.verb == "set" {
			out.insert[r.path] = r.value
		}
	}
	for path, value := range c.own {
		if value == "keep" {
			delete(out.insert, path)
		} else {
			out.insert[path] = value
		}
	}
	for _, row := range rows {
		switch verb, to := c.decide(row.path, row.value); verb {
		case "warn":
			out.warn = append(out.warn, row.path)
		case "delete":
			out.remove = append(out.remove, row.id)
		case "set":
			if row.scope != "default" {
				out.remove = append(out.remove, row.id)
				continue
			}
			delete(out.insert, row.path)
			if row.value != to || row.null {
				out.change[row.id] = to
			}
		case "value":
			if row.value != to {
				out.change[row.id] = to
			}
		}
	}
	slices.Sort(out.remove)
	out.warn = slices.Compact(slices.Sorted(slices.Values(out.warn)))
	return out
}

// scrubSnapshot takes secrets out of the JSON of the flag system_config_snapshot, which repeats
// the configuration of config.php and env.php. The rest has to stay: without it Magento
// would import everything again.
func (c *configuration) scrubSnapshot(tree any, path string) any {
	m, ok := tree.(map[string]any)
	if !ok {
		text, _ := tree.(string)
		if verb, to := c.decide(path, text); verb == "delete" {
			return nil
		} else if verb == "value" || verb == "set" {
			return to
		}
		return tree
	}
	for key, value := range m {
		next := key
		switch {
		case path == "" && (key == "websites" || key == "stores"):
			next = scopeCode
		case path == "" && (key == "system" || key == "default"), path == scopeCode:
			next = ""
		case path != "":
			next = path + "/" + key
		}
		if clean := c.scrubSnapshot(value, next); clean == nil && value != nil {
			delete(m, key)
		} else {
			m[key] = clean
		}
	}
	return m
}

// scopeCode stands for a level of codes of websites or stores.
const scopeCode = "\x00"
