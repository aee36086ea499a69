package sanitize

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice/internal/toolkit/phparray"
)

// batch is how many rows of JSON are in memory at a time.
const batch = 1000

// json rewrites a column of JSON, row by row, in batches.
func (r *run) json(ctx context.Context, t *target, db Session, j jsonStep) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s.%s: %w", j.table, j.column, withoutValues(err))
		}
	}()
	name := j.table + "." + j.column + ":json"
	if t.state.done[name] == doneMark {
		return nil
	}
	table, column, key := ident(db.Table(j.table)), ident(j.column), ident(j.key)
	if j.key == "" { // without a key that ranges can be made of there is nothing to keep it by
		_, err := db.Exec(ctx, "UPDATE "+table+" SET "+column+" = NULL")
		return err
	}
	begun, after, changed := time.Now(), t.state.done[name], 0
	for {
		rows, err := db.Rows(ctx, "SELECT "+key+" AS k, "+column+" AS v FROM "+table+" WHERE "+key+" > ? AND "+column+" <> '' ORDER BY "+key+" LIMIT "+strconv.Itoa(batch), cmp.Or(after, "0"))
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			break
		}
		after = rows[len(rows)-1].Text("k")
		var n int
		err = within(ctx, db, func() error {
			if n, err = rewriteBatch(ctx, db, j, rows); err != nil {
				return err
			}
			return put(ctx, db, name, after)
		})
		if err != nil {
			return err
		}
		changed += n
	}
	if changed > 0 {
		r.kit.Log.Infof("%s.%s: %d rows, %.1f s", j.table, j.column, changed, time.Since(begun).Seconds())
	}
	return put(ctx, db, name, doneMark)
}

// rewriteBatch writes the rows that are not clean with one statement.
func rewriteBatch(ctx context.Context, db Session, j jsonStep, rows []*phparray.Array) (int, error) {
	var values []string
	var args []any
	for _, row := range rows {
		old := row.Text("v")
		clean, ok := cleanJSON(j.table, old)
		if ok && clean == old {
			continue
		}
		values = append(values, "SELECT ? AS k, ? AS v")
		args = append(args, row.Get("k"))
		switch {
		case ok:
			args = append(args, clean)
		case j.nullable:
			args = append(args, nil)
		default:
			args = append(args, "")
		}
	}
	if len(values) == 0 {
		return 0, nil
	}
	// STRAIGHT_JOIN: otherwise the server would look for the few rows in the whole table.
	statement := fmt.Sprintf("UPDATE (%s) n STRAIGHT_JOIN %s t ON t.%s = n.k SET t.%s = n.v", strings.Join(values, " UNION ALL "), ident(db.Table(j.table)), ident(j.key), ident(j.column))
	if _, err := db.Exec(ctx, statement, args...); err != nil {
		return 0, err
	}
	return len(values), nil
}

// rebuild rewrites the changed tables in full: an UPDATE leaves the old values in pages and in
// the words of full-text indexes. Then the triggers come back.
func (r *run) rebuild(ctx context.Context) error {
	for _, t := range r.targets {
		group, inner := errgroup.WithContext(ctx)
		group.SetLimit(r.options.parallel())
		for _, names := range related(t.plan.rebuild, t.schema.references) {
			group.Go(func() error { return t.rebuildTables(inner, names) })
		}
		if err := group.Wait(); err != nil {
			return err
		}
		if err := t.restoreTriggers(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (t *target) rebuildTables(ctx context.Context, names []string) error {
	return t.workers.with(ctx, func(db Session) error {
		for _, name := range names {
			if t.state.done["rebuild:"+name] == doneMark {
				continue
			}
			if _, err := db.Exec(ctx, "ALTER TABLE "+ident(db.Table(name))+" FORCE"); err != nil {
				return fmt.Errorf("%s: %w", name, withoutValues(err))
			}
			if err := put(ctx, db, "rebuild:"+name, doneMark); err != nil {
				return err
			}
		}
		return nil
	})
}

// related groups tables that refer to each other: a server refuses to rebuild two of them at
// the same time.
func related(names []string, references []reference) [][]string {
	group := map[string]int{}
	for i, name := range names {
		group[name] = i
	}
	for _, r := range references {
		from, ok := group[r.table]
		if to, both := group[r.to]; ok && both {
			for name, g := range group {
				if g == from {
					group[name] = to
				}
			}
		}
	}
	all := make([][]string, len(names))
	for _, name := range names {
		all[group[name]] = append(all[group[name]], name)
	}
	return slices.DeleteFunc(all, func(g []string) bool { return len(g) == 0 })
}

// serverText matches the values that a server repeats in its errors, as in
// "Duplicate entry 'jane@example.org-1' for key".
var serverText = regexp.MustCompile(`(?s)'.*'`)

// withoutValues takes the values out of a server's error; nil stays nil.
func withoutValues(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if clean := serverText.ReplaceAllString(text, "'...'"); clean != text {
		return errors.New(clean)
	}
	return err
}
