package sanitize

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice/internal/manifest"
	"sluice/internal/toolkit/kit"
)

// Options are those of the command.
type Options struct {
	Mode string // one of Modes
	// Seed makes the same fake of the same value in every run that has it; empty for a key
	// that is discarded after the run. It is a secret: it lets its holder test guesses of a value.
	Seed string

	atOnce, rangeRows int  // for tests; 0 for the usual sizes
	oneByOne          bool // for tests: statements in an order that is always the same
}

// Database is one of the application's databases.
type Database struct {
	Connection string // Magento's name for it
	Host       string
	Open       func(ctx context.Context) (Session, error)
}

// Run sanitises the databases of an application, the first of which is the default one,
// its encryption key and its mounts. An error of the type *RefusedError means that nothing was
// changed; after any other the data is half sanitised: the environment must not be opened,
// and another run finishes the work. A run after one that finished changes nothing.
func Run(ctx context.Context, k *kit.Kit, databases []Database, o Options) error {
	r := &run{kit: k, options: o}
	if err := r.allowed(databases); err != nil {
		return err
	}
	if err := r.settle(); err != nil {
		return err
	}
	defer r.close()
	for _, d := range databases {
		if err := r.open(ctx, d); err != nil {
			return err
		}
	}
	main := r.targets[0]
	if o.Mode == ModeCheck {
		return r.check(ctx)
	}
	when, mode, err := marked(ctx, main)
	if err != nil {
		return err
	}
	if when != "" && enough(mode, o.Mode) {
		k.Log.Infof("The data was sanitised already (%s, mode %s); nothing to do.", when, mode)
		return nil
	}
	if err := r.reviewSuspects(); err != nil {
		return err
	}
	return r.execute(ctx)
}

// run is one run of the command.
type run struct {
	kit      *kit.Kit
	options  Options
	settings manifest.Sanitize
	rules    *rules
	config   *configuration
	targets  []*target
}

// target is one database of a run.
type target struct {
	Database

	main    Session
	options Options
	schema  *schema
	plan    *plan
	state   *state
	workers *workers
}

// allowed refuses what must never be sanitised: production, and databases that are not the
// environment's own.
func (r *run) allowed(databases []Database) error {
	if !slices.Contains(Modes(), r.options.Mode) {
		return refuse("the mode "+strconv.Quote(r.options.Mode)+" is not known", "use one of "+strings.Join(Modes(), ", "))
	}
	if len(databases) == 0 {
		return refuse("the application has no database", "give it a relationship to one in .magento.app.yaml")
	}
	if r.options.Mode == ModeCheck {
		return nil
	}
	p := r.kit.Platform
	if strings.EqualFold(p.Type, "production") {
		return refuse("this environment is of type production", "run it in a copy: sluice branch NAME")
	}
	if p.Type == "" {
		return refuse("the platform does not say the type of this environment (MAGENTO_CLOUD_ENVIRONMENT_TYPE)", "set MAGENTO_CLOUD_ENVIRONMENT_TYPE to development where this is a copy")
	}
	for _, d := range databases {
		if !r.related(d.Host) {
			return refuse(fmt.Sprintf("the database %s is at %s, which is not a service of this environment and may be production's", d.Connection, d.Host), "remove the host from DATABASE_CONFIGURATION in this environment")
		}
	}
	return nil
}

// related reports whether a host is one of the environment's relationships.
func (r *run) related(host string) bool {
	all := r.kit.Platform.Relationships
	for _, name := range all.Keys() {
		for _, i := range all.Sub(name).Keys() {
			e := all.Sub(name, i)
			if own := e.Text("host"); own != "" && (host == own || host == own+":"+e.Text("port")) {
				return true
			}
		}
	}
	return false
}

// settle reads the rules, the project's settings and what its modules declare as secret.
func (r *run) settle() error {
	var err error
	if r.rules, err = parseRules(tablesText); err != nil {
		return err
	}
	clone, found := manifest.ParseClone(r.kit.Tree.Root().FS())
	if clone == nil {
		var all []string
		for _, d := range found {
			all = append(all, d.String())
		}
		return refuse(strings.Join(all, "; "), "correct "+manifest.SluiceFile)
	}
	r.settings = clone.Sanitize
	r.config = &configuration{own: r.settings.Config}
	if r.config.rules, err = configRules(configText); err != nil {
		return err
	}
	if r.config.secrets, err = declaredSecrets(r.kit.Tree.Root().FS()); err != nil {
		return refuse("the modules' configuration cannot be read: "+err.Error(), "correct the module")
	}
	if len(r.config.secrets) == 0 {
		r.kit.Log.Warning("No module declares a secret configuration path; secrets are found by their names and values only.")
	}
	return nil
}

func (r *run) open(ctx context.Context, d Database) error {
	db, err := d.Open(ctx)
	if err != nil {
		return err
	}
	t := &target{Database: d, main: db, options: r.options}
	r.targets = append(r.targets, t)
	if err := prepare(ctx, db, ""); err != nil {
		return err
	}
	if t.schema, err = readSchema(ctx, db); err != nil {
		return fmt.Errorf("read the schema of the database %s: %w", d.Connection, err)
	}
	t.plan, err = planFor(r.rules, t.schema, r.settings, r.options.Mode)
	if err != nil {
		return refuse(err.Error(), "correct "+manifest.SluiceFile)
	}
	if r.options.Mode == ModeKeep {
		t.plan = &plan{rebuild: configurationTables(t.schema)}
		return nil
	}
	if err := t.sampleValues(ctx, t.plan.ignored); err != nil || len(t.schema.seen) == 0 {
		return err
	}
	// The samples showed something that the plan has to consider.
	t.plan, err = planFor(r.rules, t.schema, r.settings, r.options.Mode)
	return err
}

func (r *run) close() {
	for _, t := range r.targets {
		if t.workers != nil {
			t.workers.close()
		}
		_ = t.main.Close() // nothing is left in it
	}
}

// reviewSuspects stops a run that would leave something personal behind, before it begins.
func (r *run) reviewSuspects() error {
	var found []suspect
	for _, t := range r.targets {
		found = append(found, t.plan.suspects...)
		if len(t.plan.ignored) > 0 {
			r.kit.Log.Infof("Tables that no rule names, and that have nothing personal by their names and a sample: %s", strings.Join(t.plan.ignored, ", "))
		}
	}
	if len(found) == 0 {
		return nil
	}
	if r.settings.Unknown == manifest.UnknownWarn {
		for _, s := range found {
			r.kit.Log.Warningf("%s looks like %s and stays as it is.", s.place(), s.class)
		}
		return nil
	}
	var names []string
	for _, s := range found {
		names = append(names, s.place()+" ("+s.class+")")
	}
	return refuse("no rule says what to do with "+strings.Join(names, ", "), "write in "+manifest.SluiceFile+" beside .magento.app.yaml:\n\n"+snippet(found))
}

func (s suspect) place() string {
	if s.column == "" {
		return s.table
	}
	return s.table + "." + s.column
}

// execute does the work. Configuration and credentials come first, so that nothing that is
// interrupted later has live keys.
func (r *run) execute(ctx context.Context) error {
	begun := time.Now()
	r.kit.Progress.Touch("personal data")
	if err := r.begin(ctx); err != nil {
		return err
	}
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"sanitize: configuration", r.configuration},
		{"sanitize: encryption key", func(context.Context) error { return newCryptKey(r.kit) }},
		{"sanitize: files", func(context.Context) error { return emptyFiles(r.kit) }},
		{"sanitize: tables", r.tables},
		{"sanitize: staff", r.administrator},
		{"sanitize: rebuild", r.rebuild},
		{"sanitize: check", r.check},
		{"sanitize: mark", r.mark},
	} {
		r.kit.Progress.Step(step.name)
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	r.kit.Progress.Step("")
	r.kit.Log.Infof("The data is sanitised (pseudonymised, not anonymous): mode %s, %.1f s.", r.options.Mode, time.Since(begun).Seconds())
	return nil
}

// begin opens the records and the sessions, with one key for all databases.
func (r *run) begin(ctx context.Context) error {
	key := ""
	for _, t := range r.targets {
		var err error
		if t.state, err = openState(ctx, t.main); err != nil {
			return err
		}
		if key == "" {
			if key, err = t.state.key(ctx, r.options.Seed); err != nil {
				return err
			}
		}
		if err := put(ctx, t.main, "begun", r.kit.Now().UTC().Format(time.RFC3339)); err != nil {
			return err
		}
		if err := prepare(ctx, t.main, key); err != nil {
			return err
		}
		if t.workers, err = openWorkers(ctx, t.Open, key); err != nil {
			return err
		}
	}
	return nil
}

// tables does what the plans say.
func (r *run) tables(ctx context.Context) error {
	for _, t := range r.targets {
		if err := t.dropTriggers(ctx); err != nil {
			return err
		}
		for _, name := range t.plan.clear {
			if _, err := t.main.Exec(ctx, "TRUNCATE TABLE "+ident(t.main.Table(name))); err != nil {
				return fmt.Errorf("%s: %w", name, withoutValues(err))
			}
		}
		r.kit.Log.Infof("Emptied %d tables.", len(t.plan.clear))
		for _, steps := range [][]step{t.plan.detach, t.plan.update, t.plan.derived} {
			if err := r.steps(ctx, t, steps); err != nil {
				return err
			}
		}
		group, inner := errgroup.WithContext(ctx)
		group.SetLimit(r.options.parallel())
		for _, j := range t.plan.json {
			group.Go(func() error {
				return t.workers.with(inner, func(db Session) error { return r.json(inner, t, db, j) })
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// steps runs statements, the largest tables first, several at a time.
func (r *run) steps(ctx context.Context, t *target, steps []step) error {
	steps = slices.Clone(steps)
	slices.SortStableFunc(steps, func(a, b step) int { return b.rows - a.rows })
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(r.options.parallel())
	for _, s := range steps {
		if t.state.done[s.name] == doneMark {
			continue
		}
		group.Go(func() error {
			begun := time.Now()
			var changed int64
			err := t.workers.with(ctx, func(db Session) (err error) {
				changed, err = t.apply(ctx, db, s)
				return err
			})
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, withoutValues(err))
			}
			if changed > 0 {
				r.kit.Log.Infof("%s: %d rows, %.1f s", s.name, changed, time.Since(begun).Seconds())
			}
			return nil
		})
	}
	return group.Wait()
}

// Sizes of what is done in one transaction.
const (
	atOnce    = 1_000_000 // rows of a table that is changed by one statement
	rangeRows = 500_000   // of larger ones
	doneMark  = "done"
)

// apply runs a statement and records it in the same transaction, by ranges of the key where the table is large.
func (t *target) apply(ctx context.Context, db Session, s step) (changed int64, err error) {
	if s.key == "" || s.rows < t.limit() {
		err = within(ctx, db, func() error {
			if changed, err = db.Exec(ctx, s.statement(false)); err != nil {
				return err
			}
			return put(ctx, db, s.name, doneMark)
		})
		return changed, err
	}
	name, _, _ := strings.Cut(s.name, ".")
	rows, err := db.Rows(ctx, "SELECT COALESCE(MIN("+s.key+"), 1) - 1 AS a, COALESCE(MAX("+s.key+"), 0) AS z FROM "+ident(db.Table(name)))
	if err != nil {
		return 0, err
	}
	from, last := number(rows[0], "a"), number(rows[0], "z")
	if at, ok := t.state.done[s.name]; ok {
		if _, err := fmt.Sscan(at, &from); err != nil {
			return 0, err
		}
	}
	for ; from < last; from += t.step() {
		err = within(ctx, db, func() error {
			n, err := db.Exec(ctx, s.statement(true), from, from+t.step())
			if err != nil {
				return err
			}
			changed += n
			return put(ctx, db, s.name, strconv.Itoa(from+t.step()))
		})
		if err != nil {
			return changed, err
		}
	}
	return changed, put(ctx, db, s.name, doneMark)
}

func (o Options) parallel() int {
	if o.oneByOne {
		return 1
	}
	return parallel
}

func (t *target) limit() int { return cmp.Or(t.options.atOnce, atOnce) }

func (t *target) step() int { return cmp.Or(t.options.rangeRows, rangeRows) }
