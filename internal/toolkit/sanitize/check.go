package sanitize

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// fakeDomains matches the domains of e-mail addresses that cannot belong to a person.
const fakeDomains = `example\.(com|net|org)|[a-z0-9.-]+\.(example|test|invalid)|localhost`

// emailPattern matches an address that a person may have.
const emailPattern = `[A-Za-z0-9._%+-]+@(?!(` + fakeDomains + `)([^a-z0-9.-]|$))[A-Za-z0-9-]+\.[A-Za-z0-9.-]*[A-Za-z]`

// hasEmail is a condition for values with such an address.
func hasEmail(v string) string {
	return v + " LIKE '%_@_%._%' AND CONVERT(" + v + " USING utf8mb4) REGEXP " + quoted(emailPattern)
}

// encryptedPattern matches what Magento's encryption makes, alone in its column.
const encryptedPattern = `^[0-9]+:[0-3]:([^:]*:)?[A-Za-z0-9+/=]{20,}$`

const encryptedValues = "encrypted values"

// finding is a column that still has what it must not have.
type finding struct {
	table, column string
	what          string
	rows          int
}

// check looks for addresses and encrypted values in all columns of texts. Tables that are
// kept because they have the shop's own texts are only warned of.
func (r *run) check(ctx context.Context) error {
	if r.options.Mode == ModeKeep {
		return nil
	}
	var wrong []string
	for _, t := range r.targets {
		for _, name := range t.schema.names() {
			found, err := t.lookInto(ctx, t.schema.tables[name], r.settings.KeepCustomers, r.settings.KeepStaff)
			if err != nil {
				return fmt.Errorf("check %s: %w", name, withoutValues(err))
			}
			for _, f := range found {
				text := fmt.Sprintf("%s.%s has %s in %d rows", f.table, f.column, f.what, f.rows)
				if t.ownTexts(f) {
					r.kit.Log.Warning(text + "; the table is kept as the shop's own.")
					continue
				}
				wrong = append(wrong, text)
			}
		}
		found, err := t.checkGroups(ctx)
		if err != nil {
			return err
		}
		wrong = append(wrong, found...)
	}
	if len(wrong) > 0 {
		return errors.New(strings.Join(wrong, "; "))
	}
	r.kit.Log.Info("Checked: no address that somebody may have, no encrypted value.")
	return nil
}

// ownTexts reports whether a finding may be what the shop itself has written.
func (t *target) ownTexts(f finding) bool {
	if f.what == encryptedValues && f.table == "core_config_data" {
		return false
	}
	return t.plan.allowed[f.table] || slices.Contains(t.plan.ignored, f.table)
}

// shortest is the length, in characters, of the shortest address.
const shortest = 6

// searched reports whether values of the column can have what is looked for.
func (c column) searched() bool {
	return c.text() && !c.generated && (c.length == 0 || c.length >= shortest)
}

// lookInto counts the rows of a table that have something, in one pass for each kind.
func (t *target) lookInto(ctx context.Context, tab *table, keptDomains, keptStaff []string) ([]finding, error) {
	var sums []string
	var columns []column
	for _, c := range tab.columns {
		if !c.searched() {
			continue
		}
		v := ident(c.name)
		mail := []string{hasEmail(v)}
		for _, d := range keptDomains {
			mail = append(mail, "LOWER("+v+") NOT LIKE "+quoted("%@"+strings.ToLower(d)))
		}
		if len(keptStaff) > 0 {
			mail = append(mail, "LOWER("+v+") NOT IN ("+list(keptStaff)+")")
		}
		columns = append(columns, c)
		sums = append(sums, fmt.Sprintf("SUM(%s) AS m%d, SUM(%s LIKE '%%:_:%%' AND %s REGEXP %s) AS e%d", strings.Join(mail, " AND "), len(columns), v, v, quoted(encryptedPattern), len(columns)))
	}
	if len(columns) == 0 {
		return nil, nil
	}
	rows, err := t.main.Rows(ctx, "SELECT "+strings.Join(sums, ", ")+" FROM "+ident(t.main.Table(tab.name)))
	if err != nil {
		return nil, err
	}
	var found []finding
	for i, c := range columns {
		if n := number(rows[0], fmt.Sprint("m", i+1)); n > 0 {
			found = append(found, finding{tab.name, c.name, "e-mail addresses", n})
		}
		if n := number(rows[0], fmt.Sprint("e", i+1)); n > 0 {
			found = append(found, finding{tab.name, c.name, encryptedValues, n})
		}
	}
	return found, nil
}

// checkGroups compares derived tables with what they are derived from.
func (t *target) checkGroups(ctx context.Context) (wrong []string, err error) {
	for _, c := range []struct{ table, column, other, query, what string }{
		{"customer_grid_flat", "email", "customer_entity", "SELECT COUNT(*) AS n FROM %s g JOIN %s c ON c.entity_id = g.entity_id WHERE NOT (g.email <=> c.email)", "customers whose e-mail address differs between table and grid"},
		{"sales_order_grid", "customer_email", "sales_order", "SELECT COUNT(*) AS n FROM %s g JOIN %s o ON o.entity_id = g.entity_id WHERE NOT (COALESCE(g.customer_email, '') <=> COALESCE(o.customer_email, ''))", "orders whose e-mail address differs between table and grid"},
	} {
		tab := t.schema.tables[c.table]
		if tab == nil || t.schema.tables[c.other] == nil {
			continue
		}
		if _, ok := tab.column(c.column); !ok {
			continue
		}
		rows, err := t.main.Rows(ctx, fmt.Sprintf(c.query, ident(t.main.Table(c.table)), ident(t.main.Table(c.other))))
		if err != nil {
			return nil, err
		}
		if n := number(rows[0], "n"); n > 0 {
			wrong = append(wrong, fmt.Sprintf("%d %s", n, c.what))
		}
	}
	return wrong, nil
}
