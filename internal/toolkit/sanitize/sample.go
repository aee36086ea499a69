package sanitize

import (
	"context"
	"fmt"
	"strings"
)

// sample is how many rows of an unknown table are looked at.
const sample = 5000

// sampleValues looks at the values of tables whose names and columns say nothing, and notes
// in the schema what looks personal all the same.
func (t *target) sampleValues(ctx context.Context, names []string) error {
	for _, name := range names {
		var sums []string
		var columns []column
		for _, c := range t.schema.tables[name].columns {
			if c.searched() {
				columns = append(columns, c)
				sums = append(sums, fmt.Sprintf("SUM(%s) AS c%d", personal("s."+ident(c.name)), len(columns)))
			}
		}
		if len(columns) == 0 {
			continue
		}
		rows, err := t.main.Rows(ctx, fmt.Sprintf("SELECT %s FROM (SELECT * FROM %s LIMIT %d) s", strings.Join(sums, ", "), ident(t.main.Table(name)), sample))
		if err != nil {
			return fmt.Errorf("look at %s: %w", name, withoutValues(err))
		}
		for i, c := range columns {
			if number(rows[0], fmt.Sprint("c", i+1)) > 0 {
				t.schema.seen[name] = append(t.schema.seen[name], suspect{name, c.name, "personal data by a sample of its values", "none"})
			}
		}
	}
	return nil
}

// personal is a condition for values with an address, an encrypted value, or the JSON of a person.
func personal(v string) string {
	return hasEmail(v) + " OR " + v + " REGEXP " + quoted(encryptedPattern) + " OR " + v + ` REGEXP '"(email|firstname|lastname|telephone|password|customer_[a-z]+)":"[^"]'`
}
