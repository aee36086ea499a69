package sanitize

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// savedTrigger is the record of a trigger that was dropped.
type savedTrigger struct {
	Order              int
	Name, Mode, Create string
}

const triggerMark = "trigger:"

// dropTriggers drops the triggers of all tables and records how to create them again, without
// the account that they belonged to: an account that is missing makes every change fail.
// Triggers cost 30 times what the changes themselves do, and would queue every row for
// exporters.
func (t *target) dropTriggers(ctx context.Context) error {
	for i, tr := range t.schema.triggers {
		create := fmt.Sprintf("CREATE TRIGGER %s %s %s ON %s FOR EACH ROW %s", ident(tr.name), tr.timing, tr.event, ident(t.main.Table(tr.table)), tr.body)
		record, err := json.Marshal(savedTrigger{i, tr.name, tr.mode, create})
		if err != nil {
			return err
		}
		// A record that is there is of a run that was interrupted; its order counts.
		if _, err := t.main.Exec(ctx, "INSERT IGNORE INTO "+ident(t.main.Table(stateTable))+" (name, body) VALUES (?, ?)", triggerMark+tr.name, string(record)); err != nil {
			return err
		}
		if _, err := t.main.Exec(ctx, "DROP TRIGGER "+ident(tr.name)); err != nil {
			return fmt.Errorf("drop the trigger %s: %w", tr.name, err)
		}
	}
	return nil
}

// restoreTriggers creates the triggers again that this run, or one before it, has dropped.
func (t *target) restoreTriggers(ctx context.Context) error {
	saved, err := t.savedTriggers(ctx)
	if err != nil {
		return err
	}
	there, err := t.main.Rows(ctx, "SELECT TRIGGER_NAME AS n FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()")
	if err != nil {
		return err
	}
	exists := map[string]bool{}
	for _, row := range there {
		exists[row.Text("n")] = true
	}
	for _, tr := range saved {
		if exists[tr.Name] {
			continue
		}
		if _, err := t.main.Exec(ctx, "SET SESSION sql_mode = "+quoted(strings.TrimSpace(tr.Mode))); err != nil {
			return err
		}
		if _, err := t.main.Exec(ctx, tr.Create); err != nil {
			return fmt.Errorf("create the trigger %s: %w", tr.Name, err)
		}
	}
	_, err = t.main.Exec(ctx, ownMode)
	return err
}

// savedTriggers reads the records in the order that the triggers had.
func (t *target) savedTriggers(ctx context.Context) ([]savedTrigger, error) {
	rows, err := t.main.Rows(ctx, "SELECT body FROM "+ident(t.main.Table(stateTable))+" WHERE name LIKE '"+triggerMark+"%'")
	if err != nil {
		return nil, err
	}
	all := make([]savedTrigger, len(rows))
	for i, row := range rows {
		if err := json.Unmarshal([]byte(row.Text("body")), &all[i]); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b savedTrigger) int { return a.Order - b.Order })
	return all, nil
}
