package sanitize

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/internal/manifest"
)

// step is one statement over one table. Where the table has a key of one integer, it can
// be done by ranges.
type step struct {
	name string // in the log and in the record of what was done
	head string // up to the WHERE
	from string // what is after the head's tables but before WHERE conditions: always AND-ed
	key  string // the column for ranges, quoted; "" for all at once
	rows int
}

// statement returns the SQL; with a range it has two arguments: after and up to.
func (s step) statement(ranged bool) string {
	var where []string
	if s.from != "" {
		where = append(where, s.from)
	}
	if ranged {
		where = append(where, "t."+s.key+" > ? AND t."+s.key+" <= ?")
	}
	if len(where) == 0 {
		return s.head
	}
	return s.head + " WHERE " + strings.Join(where, " AND ")
}

// jsonStep is a column of JSON that is rewritten row by row.
type jsonStep struct {
	table, column, key string
	nullable           bool
}

// plan is everything that is done to the tables of one database.
type plan struct {
	clear    []string
	detach   []step // what referred to emptied tables
	update   []step
	derived  []step
	json     []jsonStep
	rebuild  []string
	suspects []suspect // that stop the run, or are only warned of
	ignored  []string  // unknown tables without anything that looks personal
	allowed  map[string]bool
}

// planner makes a plan of a schema.
type planner struct {
	rules    *rules
	schema   *schema
	settings manifest.Sanitize
	mode     string
	plan     *plan
	cleared  map[string]bool
	err      error // the first mistake of the settings
}

// planFor says what is done with every table of a schema. It is pure.
func planFor(r *rules, s *schema, settings manifest.Sanitize, mode string) (*plan, error) {
	if err := checkSettings(settings); err != nil {
		return nil, err
	}
	p := &planner{rules: r, schema: s, settings: settings, mode: mode, plan: &plan{allowed: map[string]bool{}}, cleared: map[string]bool{}}
	updates := map[string]tableRule{}
	for _, name := range s.names() {
		rule := p.ruleFor(s.tables[name])
		switch {
		case rule.treatment == empty || mode == ModeStrip && r.strip[name]:
			p.cleared[name] = true
		case rule.treatment == rewriteColumns:
			updates[name] = rule
		case rule.treatment == derive:
			p.plan.derived = append(p.plan.derived, derived(s, s.tables[name])...)
		}
	}
	p.plan.detach = p.followReferences(updates)
	p.plan.clear = slices.Sorted(maps.Keys(p.cleared))
	for _, name := range slices.Sorted(maps.Keys(updates)) {
		if !p.cleared[name] {
			p.updateTable(s.tables[name], updates[name])
		}
	}
	p.plan.rebuild = p.touched()
	return p.plan, p.err
}

// ruleFor is the rule of a table after the project's own settings and what unknown columns
// need. Suspects that settings do not decide are noted.
func (p *planner) ruleFor(t *table) tableRule {
	rule, known := p.rules.of(t.name)
	own, decided := p.settings.Tables[t.name]
	switch own.Treatment {
	case manifest.TableClear:
		return tableRule{treatment: empty}
	case manifest.TableKeep:
		p.plan.allowed[t.name] = true
		return tableRule{treatment: keep}
	}
	if decided {
		rule, known = p.withOwn(t, rule, own.Columns), true
	}
	if rule.treatment == empty || rule.treatment == derive {
		return rule
	}
	found := append(p.rules.suspects(t, rule, known), p.schema.seen[t.name]...)
	if rule.columns["*"] == "custom" {
		return withSuspects(tableRule{treatment: rewriteColumns}, found)
	}
	if known && rule.treatment == keep {
		p.plan.allowed[t.name] = true
	}
	switch {
	case len(found) == 0 && !known:
		p.plan.ignored = append(p.plan.ignored, t.name)
		return tableRule{treatment: keep}
	case len(found) == 0:
		return rule
	case p.settings.Unknown == manifest.UnknownFake, p.settings.Unknown == manifest.UnknownClear && known:
		return withSuspects(rule, found)
	case p.settings.Unknown == manifest.UnknownClear:
		return tableRule{treatment: empty}
	}
	p.plan.suspects = append(p.plan.suspects, found...)
	return rule
}

// withOwn puts the project's rules for columns over those of a table.
func (p *planner) withOwn(t *table, rule tableRule, own map[string]string) tableRule {
	columns := map[string]string{}
	maps.Copy(columns, rule.columns)
	for _, name := range slices.Sorted(maps.Keys(own)) {
		if _, ok := t.column(name); !ok && p.err == nil {
			p.err = fmt.Errorf("%s: clone.sanitize.tables.%s.%s: the table does not have this column", manifest.SluiceFile, t.name, name)
		}
		columns[name] = own[name]
	}
	return tableRule{treatment: rewriteColumns, own: rule.own, columns: columns}
}

func withSuspects(rule tableRule, found []suspect) tableRule {
	if len(found) == 0 {
		return tableRule{treatment: keep}
	}
	columns := map[string]string{}
	maps.Copy(columns, rule.columns)
	for _, s := range found {
		if s.column == "" {
			return tableRule{treatment: empty}
		}
		columns[s.column] = s.rule
	}
	rule.treatment, rule.columns = rewriteColumns, columns
	return rule
}

// followReferences does what deleting all rows would have done to the tables that refer to
// them: with key checks off a TRUNCATE does not.
func (p *planner) followReferences(updates map[string]tableRule) []step {
	for again := true; again; {
		again = false
		for _, r := range p.schema.references {
			c, _ := p.schema.tables[r.table].column(r.column)
			if p.cleared[r.to] && !p.cleared[r.table] && !c.nullable {
				p.cleared[r.table] = true
				delete(updates, r.table)
				again = true
			}
		}
	}
	var steps []step
	for _, r := range p.schema.references {
		if p.cleared[r.to] && !p.cleared[r.table] {
			v := ident(r.column)
			steps = append(steps, step{name: r.table + "." + r.column, head: "UPDATE " + p.name(r.table) + " t SET t." + v + " = NULL", from: "t." + v + " IS NOT NULL"})
		}
	}
	return steps
}

func (p *planner) name(table string) string { return ident(p.schema.prefix + table) }

// updateTable adds the statements for a table: one for all columns, and others for what
// cannot be said by expressions.
func (p *planner) updateTable(t *table, rule tableRule) {
	var set []string
	from, join := p.owner(t, rule.own), ""
	for _, c := range t.columns {
		kind, named := rule.columns[c.name]
		if !named || c.generated {
			continue
		}
		expression, ok := fake(kind, c)
		switch {
		case kind == "json":
			p.plan.json = append(p.plan.json, jsonStep{t.name, c.name, t.key, c.nullable})
			continue
		case kind == "search":
			p.plan.update = append(p.plan.update, step{name: t.name, head: "DELETE FROM " + p.name(t.name), from: "(query_text LIKE '%@%' OR query_text REGEXP '[0-9]{6}' OR popularity < 3)"})
			return
		case !ok:
			expression, join = p.special(kind, c)
		}
		if staff, found := strings.CutPrefix(rule.own, "staff:"); found {
			expression = p.unlessStaff(expression, kind, staff, c)
		}
		set = append(set, "t."+ident(c.name)+" = "+onTable(expression, c))
	}
	if strings.HasPrefix(rule.own, "staff:") {
		from = ""
	}
	if len(set) == 0 {
		return
	}
	if from != "" {
		p.credentials(t, rule)
	}
	p.plan.update = append(p.plan.update, step{name: t.name, head: "UPDATE " + p.name(t.name) + " t" + join + " SET " + strings.Join(append(set, unchanged(t)...), ", "), from: from, key: quotedKey(t), rows: t.rows})
}

// credentials empties what people log in with in the rows that are kept, too.
func (p *planner) credentials(t *table, rule tableRule) {
	var set []string
	for _, c := range t.columns {
		if rule.columns[c.name] == "none" && (strings.HasPrefix(c.name, "password") || strings.HasPrefix(c.name, "rp_token")) {
			set = append(set, "t."+ident(c.name)+" = NULL")
		}
	}
	if len(set) > 0 {
		p.plan.detach = append(p.plan.detach, step{name: t.name + ".credentials", head: "UPDATE " + p.name(t.name) + " t SET " + strings.Join(append(set, unchanged(t)...), ", ")})
	}
}

func quotedKey(t *table) string {
	if t.key == "" {
		return ""
	}
	return ident(t.key)
}

// onTable makes the column of an expression one of the table that is changed, which joins need.
func onTable(expression string, c column) string {
	v := ident(c.name)
	return strings.ReplaceAll(strings.ReplaceAll(expression, "t."+v, v), v, "t."+v)
}

// unchanged keeps the times of the last change, which cleaners and exporters read.
func unchanged(t *table) []string {
	var set []string
	for _, c := range t.columns {
		if c.onUpdate {
			set = append(set, "t."+ident(c.name)+" = t."+ident(c.name))
		}
	}
	return set
}

// special is the expression of a rule that needs to know its table, and a join.
func (p *planner) special(kind string, c column) (expression, join string) {
	v := ident(c.name)
	switch kind {
	case "coupon": // of the kind that was generated: it is worth money
		code, _ := fake("code", c)
		return "IF(t.`type` = 1, " + code + ", " + v + ")", ""
	case "review": // approved ones are public
		return "IF(EXISTS (SELECT 1 FROM " + p.name("review") + " r WHERE r.review_id = t.review_id AND r.status_id = 1), " + v + ", '" + fixedText + "')", ""
	case "role":
		name, _ := fake("given", c)
		return "IF(t.role_type = 'U', " + name + ", " + v + ")", ""
	case "locked":
		return "'*'", ""
	case "attribute":
		return p.attribute(c)
	}
	return v, ""
}

// attribute is the value of an attribute that the shop defined: choices stay, texts do not.
func (p *planner) attribute(c column) (expression, join string) {
	v := ident(c.name)
	join = " JOIN " + p.name("eav_attribute") + " a ON a.attribute_id = t.attribute_id"
	if c.date() {
		birth, _ := fake("birth", c)
		return birth, join
	}
	code, _ := fake("hash", column{name: c.name, kind: c.kind, length: 12, nullable: c.nullable})
	return "CASE WHEN a.frontend_input IN ('select', 'multiselect', 'boolean') THEN " + v + " WHEN a.frontend_input IN ('file', 'image') THEN NULL ELSE " + code + " END", join
}

// kept is a condition for an e-mail address that the project keeps; "" when it keeps none.
func (p *planner) kept(column string) string {
	if len(p.settings.KeepCustomers) == 0 {
		return ""
	}
	return "LOWER(TRIM(SUBSTRING_INDEX(" + column + ", '@', -1))) IN (" + list(p.settings.KeepCustomers) + ")"
}

// owner is the condition for the rows of everybody who is not kept. It is true before and
// after the table of customers has changed: the addresses of those who are kept stay.
func (p *planner) owner(t *table, own string) string {
	if own == "" || len(p.settings.KeepCustomers) == 0 {
		return ""
	}
	column, byID := strings.CutPrefix(own, "customer:")
	if _, ok := t.column(column); !ok {
		return ""
	}
	v := "t." + ident(column)
	if !byID {
		return "(" + v + " IS NULL OR NOT " + p.kept(v) + ")"
	}
	if p.schema.tables["customer_entity"] == nil {
		return ""
	}
	return "(" + v + " IS NULL OR " + v + " NOT IN (SELECT c.entity_id FROM " + p.name("customer_entity") + " c WHERE " + p.kept("c.email") + "))"
}

// unlessStaff keeps the names and addresses of the staff that the project keeps, never what
// they log in with.
func (p *planner) unlessStaff(expression, kind, column string, c column) string {
	if len(p.settings.KeepStaff) == 0 || kind == "none" || kind == "locked" {
		return expression
	}
	condition := "LOWER(t.`email`) IN (" + list(p.settings.KeepStaff) + ")"
	if column != "email" {
		condition = "t." + ident(column) + " IN (SELECT u.user_id FROM " + p.name("admin_user") + " u WHERE LOWER(u.email) IN (" + list(p.settings.KeepStaff) + "))"
	}
	return "IF(" + condition + ", " + ident(c.name) + ", " + expression + ")"
}

func list(texts []string) string {
	var all []string
	for _, t := range texts {
		all = append(all, quoted(strings.ToLower(strings.TrimSpace(t))))
	}
	return strings.Join(all, ", ")
}

// touched returns the tables whose old values are left in pages until they are rebuilt.
func (p *planner) touched() []string {
	set := map[string]bool{}
	for _, name := range configurationTables(p.schema) {
		set[name] = true
	}
	for _, s := range slices.Concat(p.plan.detach, p.plan.update, p.plan.derived) {
		name, _, _ := strings.Cut(s.name, ".")
		set[name] = true
	}
	for _, j := range p.plan.json {
		set[j.table] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// configurationTables are those that the configuration's secrets are taken out of.
func configurationTables(s *schema) []string {
	return slices.DeleteFunc([]string{"core_config_data", "flag"}, func(name string) bool { return s.tables[name] == nil })
}

// snippet is what a project can put into its file to decide about suspects.
func snippet(found []suspect) string {
	var b strings.Builder
	b.WriteString("clone:\n    sanitize:\n        tables:\n")
	last := ""
	for _, s := range found {
		if s.column == "" {
			fmt.Fprintf(&b, "            %s: clear # %s\n", s.table, s.class)
			continue
		}
		if s.table != last {
			fmt.Fprintf(&b, "            %s:\n", s.table)
			last = s.table
		}
		fmt.Fprintf(&b, "                %s: %s # %s\n", s.column, s.rule, s.class)
	}
	return b.String()
}
