package sanitize

import (
	"regexp"
	"slices"
	"strings"
)

// suspect is a column, or a whole table, that looks personal and that no rule names.
type suspect struct {
	table, column string // column "" for a whole table
	class         string // what it looks like
	rule          string // what mode "fake" does with it
}

// class is what the name of a column may say.
type class struct {
	name, rule string
	is, not    *regexp.Regexp
	kinds      string              // text, any
	only       func(t *table) bool // nil when any table will do
}

// classes are the classes of columns, the first that matches counts.
func classes() []class {
	c := func(name, rule, kinds, is, not string, only func(*table) bool) class {
		if not == "" {
			not = `^$`
		}
		return class{name, rule, regexp.MustCompile(`(?i)` + is), regexp.MustCompile(`(?i)` + not), kinds, only}
	}
	return []class{
		c("a secret", "hash", "text", `passw|secret|token|api_?key|private_?key|(^|_)salt$|nonce|session_?id|signature|(confirm|sharing|protect)\w*_code|(^|_)hash$`, `asset|file|feed|config|url|path|template`, nil),
		c("an e-mail address", "email", "text", `e?mail`, `template|subject|status|sent|type|count|identity|_id$|imported|enabled|mode`, nil),
		c("a name", "name", "text", `(first|last|middle|full|nick|contact|customer|sender|recipient|author)_?name|nickname|cc_owner`, `sku|product|store|rule`, nil),
		c("a name", "name", "text", `^name$`, ``, beside(`e?mail|phone`)),
		c("a telephone number", "phone", "text", `phone|(^|_)mobile|(^|_)fax|whatsapp`, `show|enabled|label`, nil),
		c("an address", "street", "text", `street|(^|_)address(_?line)?_?\d?$|address_full`, `tax_|dest_`, nil),
		c("an address", "city", "text", `(^|_)city$`, ``, nil),
		c("an address", "postcode", "text", `post_?code|(^|_)zip(_?code)?$`, `tax_|dest_`, nil),
		c("an address", "company", "text", `(^|_)company(_name)?$`, ``, nil),
		c("a network address", "none", "any", `(^|_)ip(_?address|_long)?$|remote_addr|forwarded|user_agent`, `zip|tip|description`, nil),
		c("a date of birth", "birth", "any", `(^|_)dob$|birth`, ``, nil),
		c("a number of a person or a company", "none", "text", `(^|_)vat(_?(id|number))?$|taxvat|tax_?id$|(^|_)ssn|iban|(^|_)bic$|passport`, `vat_is_valid|tax_class`, nil),
		c("a card or a payment", "none", "text", `^cc_|card_(num|last|exp)|last_?4|txn_id|transaction_id|payer_id|reference_id|gateway_`, `_type$|_status$`, nil),
		c("a text by a person", "text", "text", `(^|_)(comment|note|message|remark)s?$`, `label`, beside(`customer_id|order_id|quote_id|e?mail`)),
		c("a payload", "none", "text", `(^|_)(request|response|payload|body|params|serialized|log)(_\w+)?$|^additional_`, `layout|conditions|_id$|path|template`, nil),
	}
}

// beside is true for tables with a column of a name.
func beside(pattern string) func(*table) bool {
	re := regexp.MustCompile(`(?i)` + pattern)
	return func(t *table) bool {
		return slices.ContainsFunc(t.columns, func(c column) bool { return re.MatchString(c.name) })
	}
}

// classOf says what the name of a column makes it look like; nil for nothing.
func classOf(t *table, c column, all []class) *class {
	for i, k := range all {
		fits := k.kinds == "any" || c.text()
		if fits && k.is.MatchString(c.name) && !k.not.MatchString(c.name) && (k.only == nil || k.only(t)) {
			return &all[i]
		}
	}
	return nil
}

// suspectTable matches names that alone make a table look as if it were about people: logs,
// queues, sessions.
var suspectTable = regexp.MustCompile(`_(log|logs|history|queue|session|sessions|activity|webhook|webhooks|email|emails|sms)$|abandoned|smtp|_email_|_sms_|webhook`)

// suspects returns what looks personal in a table beyond the columns that its rule names.
func (r *rules) suspects(t *table, rule tableRule, known bool) []suspect {
	var found []suspect
	for _, c := range t.columns {
		_, named := rule.columns[strings.ToLower(c.name)]
		if named || c.generated || r.plain[t.name+"."+c.name] {
			continue
		}
		if k := classOf(t, c, r.classes); k != nil {
			found = append(found, suspect{t.name, c.name, k.name, k.rule})
		}
	}
	if !known && len(found) == 0 && suspectTable.MatchString(t.name) {
		found = append(found, suspect{t.name, "", "a log or a queue", "clear"})
	}
	return found
}
