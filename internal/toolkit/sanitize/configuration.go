package sanitize

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// configuration rewrites core_config_data and the flags that repeat it.
func (r *run) configuration(ctx context.Context) error {
	t := r.targets[0]
	table := ident(t.main.Table("core_config_data"))
	if t.schema.tables["core_config_data"] == nil {
		return nil
	}
	rows, err := t.main.Rows(ctx, "SELECT config_id, scope, path, value FROM "+table+" ORDER BY config_id")
	if err != nil {
		return err
	}
	var all []configRow
	for _, row := range rows {
		all = append(all, configRow{number(row, "config_id"), row.Text("scope"), row.Text("path"), row.Text("value"), row.Get("value") == nil})
	}
	change := r.config.plan(all)
	for part := range slices.Chunk(change.remove, batch) {
		var ids []string
		for _, id := range part {
			ids = append(ids, strconv.Itoa(id))
		}
		if _, err := t.main.Exec(ctx, "DELETE FROM "+table+" WHERE config_id IN ("+strings.Join(ids, ", ")+")"); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(change.change)) {
		if _, err := t.main.Exec(ctx, "UPDATE "+table+" SET value = ? WHERE config_id = ?", change.change[id], id); err != nil {
			return withoutValues(err)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(change.insert)) {
		if _, err := t.main.Exec(ctx, "INSERT INTO "+table+" (scope, scope_id, path, value) VALUES ('default', 0, ?, ?)", path, change.insert[path]); err != nil {
			return withoutValues(err)
		}
	}
	for _, path := range change.warn {
		r.kit.Log.Warningf("The configuration %s may be a secret by its name and stays; decide in clone.sanitize.config of .sluice.yaml.", path)
	}
	r.kit.Log.Infof("Configuration: %d rows deleted, %d changed, %d added.", len(change.remove), len(change.change), len(change.insert))
	return r.flags(ctx, t)
}

// flags cleans the flags: those of analytics go, the snapshot of the configuration loses its secrets.
func (r *run) flags(ctx context.Context, t *target) error {
	if t.schema.tables["flag"] == nil {
		return nil
	}
	table := ident(t.main.Table("flag"))
	if _, err := t.main.Exec(ctx, "DELETE FROM "+table+" WHERE flag_code LIKE 'analytics%'"); err != nil {
		return err
	}
	rows, err := t.main.Rows(ctx, "SELECT flag_data AS d FROM "+table+" WHERE flag_code = 'system_config_snapshot'")
	if err != nil || len(rows) == 0 {
		return err
	}
	var tree any
	if err := json.Unmarshal([]byte(rows[0].Text("d")), &tree); err != nil {
		_, err = t.main.Exec(ctx, "DELETE FROM "+table+" WHERE flag_code = 'system_config_snapshot'")
		return err
	}
	clean, err := json.Marshal(r.config.scrubSnapshot(tree, ""))
	if err != nil {
		return fmt.Errorf("the snapshot of the configuration: %w", err)
	}
	_, err = t.main.Exec(ctx, "UPDATE "+table+" SET flag_data = ? WHERE flag_code = 'system_config_snapshot'", string(clean))
	return err
}
