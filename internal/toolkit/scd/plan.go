package scd

import (
	"fmt"
	"runtime"
	"strings"

	"sluice/internal/toolkit/components"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/static"
	"sluice/internal/toolkit/tree"
)

// Plan reads what static content a stage wants in the given locales. It looks the themes
// of SCD_MATRIX up and logs those that do not exist.
func Plan(k *kit.Kit, stage kit.Stage, locales []string) (static.Plan, error) {
	options, err := options(k, stage)
	if err != nil {
		return static.Plan{}, err
	}
	matrix, err := stage.Map("SCD_MATRIX")
	if err != nil {
		return static.Plan{}, err
	}
	themed, err := resolve(k, matrix)
	if err != nil {
		return static.Plan{}, err
	}
	return static.NewPlan(options, locales, themed), nil
}

func options(k *kit.Kit, stage kit.Stage) (o static.Options, err error) {
	version, err := k.MagentoVersion()
	if err != nil {
		return o, err
	}
	o.Version = version
	if o.Strategy, err = stage.Text("SCD_STRATEGY"); err != nil {
		return o, err
	}
	if o.Verbose, err = stage.Text("VERBOSE_COMMANDS"); err != nil {
		return o, err
	}
	if o.NoParent, err = stage.Bool("SCD_NO_PARENT"); err != nil {
		return o, err
	}
	if o.SkipMinification, err = k.Stages.Global.Bool("SKIP_HTML_MINIFICATION"); err != nil {
		return o, err
	}
	if o.MaxExecutionTime, err = seconds(stage); err != nil {
		return o, err
	}
	threads, err := stage.Int("SCD_THREADS")
	if err != nil {
		return o, err
	}
	// The processors that the container may use, which nproc does not know.
	jobs, forced := static.Jobs(threads, o.Strategy, runtime.GOMAXPROCS(0), version)
	if forced {
		k.Log.Notice("Threads count was forced to 1 as compact strategy can't be run with more than one job")
	}
	o.Jobs = jobs
	if jobs > 1 {
		return o, oneJobOverPorts(k, &o)
	}
	return o, nil
}

// oneJobOverPorts makes the content in one process when the database is reached over a port
// of its own or a socket: Magento's child processes cannot connect again then, and lose
// nearly every file.
func oneJobOverPorts(k *kit.Kit, o *static.Options) error {
	env, err := k.PHPFile(tree.EnvPHP).Read()
	if err != nil {
		return err
	}
	if host := env.Text("db", "connection", "default", "host"); strings.ContainsAny(host, ":/") {
		k.Log.Noticef("Threads count was forced to 1: the child processes of setup:static-content:deploy cannot connect to the database at %s again", host)
		o.Jobs = 1
	}
	return nil
}

// seconds reads SCD_MAX_EXECUTION_TIME; null leaves the option out.
func seconds(stage kit.Stage) (*int, error) {
	const name = "SCD_MAX_EXECUTION_TIME"
	v, err := stage.Value(name)
	if err != nil || v == nil {
		return nil, err
	}
	n, err := stage.Int(name)
	return &n, err
}

// resolve finds the themes of the matrix: {THEME: {language: [LOCALE, ...]}}.
func resolve(k *kit.Kit, matrix *phparray.Array) ([]static.Themed, error) {
	if matrix.Len() == 0 {
		return nil, nil
	}
	k.Log.Debug("Finding available themes.")
	installed, err := components.Themes(k.Tree.Root().FS())
	if err != nil {
		return nil, err
	}
	k.Log.Debug("End of finding available themes.")
	var themed []static.Themed
	for key, v := range matrix.All() {
		theme := key.String()
		name, exact := static.Resolve(theme, installed)
		if !exact {
			k.Log.Warningf("Theme %s does not exist, attempting to resolve.", theme)
		}
		switch {
		case name == "":
			k.Log.Error("Unable to resolve theme.")
			k.Log.Warningf("Unable to resolve %s to an available theme.", theme)
			continue
		case !exact:
			k.Log.Warningf("Theme found as %s.  Using corrected name instead.", name)
		}
		themed = append(themed, static.Themed{Theme: name, Locales: locales(v)})
	}
	return themed, nil
}

func locales(v any) []string {
	entry, ok := v.(*phparray.Array)
	if !ok {
		return nil
	}
	var names []string
	for _, locale := range entry.Sub("language").All() {
		names = append(names, phparray.String(locale))
	}
	return static.Unique(names...)
}

// Threads is the second line of the message that names the locales of a build.
func Threads(p static.Plan) string {
	if p.Options.Jobs > 0 {
		return fmt.Sprintf("\nUsing %d Threads", p.Options.Jobs)
	}
	return ""
}

// Generator returns what makes static content of this application.
func Generator(k *kit.Kit) static.Generator {
	return static.Magento{Shell: k.Shell, Static: k.Tree.Path(tree.Static)}
}
