package sanitize

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// markCode is the flag that says that a database was sanitised.
const markCode = "sluice_sanitized"

// rulesVersion is the version of tables.txt and config.txt in the mark.
const rulesVersion = 1

// enough reports whether data that was sanitised in one mode needs nothing in another.
func enough(was, wanted string) bool {
	order := []string{"", ModeKeep, ModeFull, ModeStrip}
	return slices.Index(order, was) >= slices.Index(order, wanted)
}

// marked returns when and in which mode a database was sanitised; "" when it was not.
func marked(ctx context.Context, t *target) (when, mode string, err error) {
	if t.schema.tables["flag"] == nil {
		return "", "", nil
	}
	rows, err := t.main.Rows(ctx, "SELECT flag_data AS d FROM "+ident(t.main.Table("flag"))+" WHERE flag_code = ?", markCode)
	if err != nil || len(rows) == 0 {
		return "", "", err
	}
	var m struct{ Time, Mode string }
	if err := json.Unmarshal([]byte(rows[0].Text("d")), &m); err != nil {
		return "", "", nil //nolint:nilerr // an unreadable mark counts as none
	}
	return m.Time, m.Mode, nil
}

// mark says in the database that it was sanitised, and removes the records of the run.
func (r *run) mark(ctx context.Context) error {
	t := r.targets[0]
	if t.schema.tables["flag"] != nil {
		var unknown []string
		for _, t := range r.targets {
			unknown = append(unknown, t.plan.ignored...)
		}
		body, err := json.Marshal(map[string]any{"Version": rulesVersion, "Time": r.kit.Now().UTC().Format(time.RFC3339), "Mode": r.options.Mode, "Unknown": unknown})
		if err != nil {
			return err
		}
		table := ident(t.main.Table("flag"))
		err = within(ctx, t.main, func() error {
			if _, err := t.main.Exec(ctx, "DELETE FROM "+table+" WHERE flag_code = ?", markCode); err != nil {
				return err
			}
			_, err := t.main.Exec(ctx, "INSERT INTO "+table+" (flag_code, state, flag_data) VALUES (?, 0, ?)", markCode, string(body))
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, t := range r.targets {
		if err := t.state.drop(ctx); err != nil {
			return err
		}
	}
	return nil
}
