package sanitize

import (
	"fmt"
	"strconv"
	"strings"
)

// columnRules are the rules that tables.txt and .sluice.yaml may name. A null stays null and
// an empty text stays empty under all of them. The same value, without case and spaces
// around it, becomes the same fake in every table.
func columnRules() []string {
	return []string{
		"email", "given", "family", "name", "street", "city", "postcode", "company", "phone", "birth",
		"text",                                                                        // null, or a fixed sentence
		"none",                                                                        // null; where that is not allowed, an empty text or 0
		"zero",                                                                        // 0
		"hash",                                                                        // hexadecimal digits
		"code",                                                                        // the same in capitals, as coupons are
		"coupon", "review", "search", "role", "locked", "attribute", "custom", "json", // for the tables of Magento that have them
	}
}

// fixedText is what texts become where they cannot be null.
const fixedText = "(removed)"

// emailLength is that of the addresses that fakes have: c, 20 digits, @example.com.
const emailLength = 33

// hashOf is an expression for 64 hexadecimal digits that stand for a value. @k is the key of
// the run, which is in no statement. Bytes are compared so that columns of different
// character sets agree.
func hashOf(v string) string {
	return "SHA2(CONCAT(@k, CAST(LOWER(TRIM(CONVERT(" + v + " USING utf8mb4))) AS BINARY)), 256)"
}

// numberOf is an expression for a number from 0 to n-1 that stands for a value.
func numberOf(v string, n int) string {
	return "(CONV(LEFT(" + hashOf(v) + ", 8), 16, 10) MOD " + strconv.Itoa(n) + ")"
}

// pick is an expression for one of a list.
func pick(v string, list []string) string {
	return "ELT(1 + " + numberOf(v, len(list)) + ", '" + strings.Join(list, "', '") + "')"
}

// fake returns the expression that a column becomes under a rule; ok is false when the rule
// is not one of an expression alone.
func fake(rule string, c column) (expression string, ok bool) {
	v := ident(c.name)
	if rule == "none" || rule == "zero" || !c.text() && !c.date() {
		return nothing(rule, c), true
	}
	if rule == "birth" {
		return fmt.Sprintf("IF(%s IS NULL, NULL, MAKEDATE(YEAR(%s), 1 + %s))", v, v, numberOf(v, 365)), true
	}
	expression, ok = text(rule, v, c)
	if !ok {
		return "", false
	}
	if expression == "NULL" {
		return expression, true
	}
	return "IF(" + v + " IS NULL OR " + v + " = '', " + v + ", " + expression + ")", true
}

// nothing is what a column is when it has nothing to say.
func nothing(rule string, c column) string {
	switch {
	case c.nullable && rule != "zero":
		return "NULL"
	case c.text():
		return "''"
	case c.date():
		return "'2000-01-01 00:00:00'"
	}
	return "0"
}

// text is the expression of a column of texts.
func text(rule, v string, c column) (expression string, ok bool) {
	switch rule {
	case "email":
		if c.length > 0 && c.length < emailLength {
			return left(hashOf(v), c.length), true
		}
		return "CONCAT('c', LEFT(" + hashOf(v) + ", 20), '@example.com')", true
	case "given":
		return fit(pick(v, givenNames()), c), true
	case "family":
		return fit(pick(v, familyNames()), c), true
	case "name":
		return fit("CONCAT("+pick(v, givenNames())+", ' ', "+pick("CONCAT("+v+", ' ')", familyNames())+")", c), true
	case "street":
		return fit("CONCAT(1 + "+numberOf(v, 199)+", ' ', "+pick(v, streets())+")", c), true
	case "city":
		return fit(pick(v, cities()), c), true
	case "company":
		return fit("CONCAT("+pick(v, familyNames())+", ' Ltd')", c), true
	case "postcode":
		return postcode(v), true
	case "phone":
		return fit("CONCAT('000', LPAD("+numberOf(v, 100_000_000)+", 8, '0'))", c), true
	case "hash":
		return left(hashOf(v), min(c.size(), 32)), true
	case "code":
		return "UPPER(" + left(hashOf(v), min(c.size(), 16)) + ")", true
	case "text":
		if c.nullable {
			return "NULL", true
		}
		return fit("'"+fixedText+"'", c), true
	}
	return "", false
}

// postcode keeps the first two characters and the pattern of what follows, which shipping
// rates, tax zones and the checks of countries look at.
func postcode(v string) string {
	digit := "LEFT(" + numberOf(v, 10) + ", 1)"
	letter := "SUBSTR('ABDEFGHJLN', 1 + " + numberOf(v, 10) + ", 1)"
	return "CONCAT(LEFT(" + v + ", 2), REGEXP_REPLACE(REGEXP_REPLACE(SUBSTR(" + v + ", 3), '[A-Za-z]', " + letter + "), '[0-9]', " + digit + "))"
}

func left(v string, n int) string { return "LEFT(" + v + ", " + strconv.Itoa(n) + ")" }

// fit cuts a text to the length of its column where it could be too long.
func fit(v string, c column) string {
	const longest = 40 // of what the lists give
	if c.length == 0 || c.length >= longest {
		return v
	}
	return left(v, c.length)
}

// ident quotes a name for a statement.
func ident(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// quoted makes a literal. Only names and patterns of this package and of settings are
// written as literals, never data.
func quoted(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", "''").Replace(text) + "'"
}
