package static

import (
	"strings"

	"sluice/internal/toolkit/phparray"
)

// defaultLocale is made in any case: the admin panel falls back to it.
const defaultLocale = "en_US"

// BuildLocales returns the locales that a build can know: that of the first admin user,
// those that config.php gives to stores and websites, those of its admin users, and en_US.
func BuildLocales(admin string, config *phparray.Array) []string {
	var stores, users []string
	walk(config, "", func(key, value string) {
		if strings.HasSuffix(key, "general/locale/code") {
			stores = append(stores, value)
		}
		if strings.HasPrefix(key, "admin_user/locale/code") {
			users = append(users, value)
		}
	})
	all := append([]string{admin}, stores...)
	return Unique(append(append(all, users...), defaultLocale)...)
}

// walk calls visit for every scalar with its path, keys joined by slashes.
func walk(a *phparray.Array, prefix string, visit func(key, value string)) {
	for k, v := range a.All() {
		key := k.String()
		if prefix != "" {
			key = prefix + "/" + key
		}
		if below, ok := v.(*phparray.Array); ok {
			walk(below, key, visit)
			continue
		}
		visit(key, phparray.String(v))
	}
}
