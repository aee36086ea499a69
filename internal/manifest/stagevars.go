package manifest

import "slices"

// The stages of .magento.env.yaml.
const (
	StageGlobal     = "global"
	StageBuild      = "build"
	StageDeploy     = "deploy"
	StagePostDeploy = "post-deploy"
)

// VariableType is the type of a stage variable, in the words of its messages.
type VariableType string

// An array is a map or a list.
const (
	TypeBoolean VariableType = "boolean"
	TypeInteger VariableType = "integer"
	TypeString  VariableType = "string"
	TypeArray   VariableType = "array"
)

// StageVariable is one variable of .magento.env.yaml.
type StageVariable struct {
	Name    string
	Type    VariableType
	Stages  []string // where it may be set, in the order of the phases
	Default any      // nil: nothing is done
	// DefaultIn overrides Default for a stage.
	DefaultIn map[string]any
	Allowed   []string // of a string; "" is allowed too
	Also      []string // of a string: allowed by later releases than the messages name
	Range     *[2]int  // of an integer
	Merge     bool     // a map may have _merge
	Magento   string   // versions of Magento that it is for, in Composer's notation; "" for all
	Doc       string
	Status    Status // empty means done: the toolkit carries it out
	Note      string // ignored: why
}

// In reports whether the variable may be set in a stage.
func (v StageVariable) In(stage string) bool { return slices.Contains(v.Stages, stage) }

// DefaultFor returns the value that a stage has when no file sets the variable.
func (v StageVariable) DefaultFor(stage string) any {
	if d, ok := v.DefaultIn[stage]; ok {
		return d
	}
	return v.Default
}

// StageVariables returns every variable of .magento.env.yaml, in the order of the
// reference.
func StageVariables() []StageVariable {
	return slices.Concat(globalVariables(), staticContentVariables(), buildVariables(), deployVariables(), configurationVariables(), postDeployVariables())
}

func globalVariables() []StageVariable {
	g := []string{StageGlobal}
	return []StageVariable{
		{Name: "VERBOSE_COMMANDS", Type: TypeString, Stages: []string{StageGlobal, StageBuild, StageDeploy, StagePostDeploy}, Default: "", Allowed: []string{"-v", "-vv", "-vvv"}, Doc: "How much bin/magento prints."},
		{Name: "MIN_LOGGING_LEVEL", Type: TypeString, Stages: g, Default: "", Allowed: LogLevels(), Doc: "The least level of messages, for handlers without their own."},
		{Name: "SCD_ON_DEMAND", Type: TypeBoolean, Stages: g, Default: false, Doc: "Static content is made when it is asked for."},
		{Name: "SKIP_HTML_MINIFICATION", Type: TypeBoolean, Stages: g, Default: true, Doc: "HTML is minified when it is asked for."},
		{Name: "X_FRAME_CONFIGURATION", Type: TypeString, Stages: g, Default: "SAMEORIGIN", Doc: "The X-Frame-Options header."},
		{Name: "ENABLE_EVENTING", Type: TypeBoolean, Stages: g, Default: false, Doc: "The modules for Adobe I/O Events."},
		{Name: "ENABLE_WEBHOOKS", Type: TypeBoolean, Stages: g, Default: false, Doc: "The modules for webhooks."},
		{Name: "DEPLOYED_MAGENTO_VERSION_FROM_GIT", Type: TypeString, Stages: g, Default: "", Doc: "The version of an installation from Git."},
		{Name: "DEPLOY_FROM_GIT_OPTIONS", Type: TypeArray, Stages: g, Default: []any{}, Doc: "The repositories of an installation from Git; read by the project's own ece-tools, which dev:git:update-composer runs."},
	}
}

func staticContentVariables() []StageVariable {
	gbd := []string{StageGlobal, StageBuild, StageDeploy}
	return []StageVariable{
		{Name: "SCD_COMPRESSION_LEVEL", Type: TypeInteger, Stages: gbd, Default: 4, DefaultIn: map[string]any{StageBuild: 6}, Range: &[2]int{0, 9}, Doc: "gzip level of static files; 0 compresses none."},
		{Name: "SCD_COMPRESSION_TIMEOUT", Type: TypeInteger, Stages: gbd, Default: 600, Doc: "Seconds that compression may take."},
		{Name: "SCD_STRATEGY", Type: TypeString, Stages: gbd, Default: "", Allowed: []string{"compact", "quick", "standard"}, Magento: ">=2.2.0", Doc: "How static content is made."},
		{Name: "SCD_THREADS", Type: TypeInteger, Stages: gbd, Default: -1, Doc: "Processes that make static content; -1 follows the processors."},
		{Name: "SCD_MAX_EXECUTION_TIME", Type: TypeInteger, Stages: gbd, Magento: ">=2.2.0", Doc: "Seconds that static content may take."},
		{Name: "SCD_MATRIX", Type: TypeArray, Stages: gbd, Default: map[string]any{}, Doc: "Locales by theme; a theme without any is left out."},
		{Name: "SCD_NO_PARENT", Type: TypeBoolean, Stages: gbd, Default: false, Magento: ">=2.4.2", Doc: "Parent themes are left out."},
		{Name: "SCD_USE_BALER", Type: TypeBoolean, Stages: []string{StageGlobal, StageBuild}, Default: false, Doc: "Baler bundles the JavaScript."},
		{Name: "SKIP_SCD", Type: TypeBoolean, Stages: gbd, Default: false, Doc: "No static content in this stage."},
	}
}

func buildVariables() []StageVariable {
	b := []string{StageBuild}
	return []StageVariable{
		{Name: "ERROR_REPORT_DIR_NESTING_LEVEL", Type: TypeInteger, Stages: b, Default: 1, Range: &[2]int{0, 32}, Doc: "Directory levels of var/report."},
		{Name: "QUALITY_PATCHES", Type: TypeArray, Stages: b, Default: []any{}, Doc: "Patches to apply, by their ids."},
		{Name: "SKIP_COMPOSER_DUMP_AUTOLOAD", Type: TypeBoolean, Stages: b, Default: false, Doc: "The class map is not dumped."},
	}
}

func deployVariables() []StageVariable {
	d, gd := []string{StageDeploy}, []string{StageGlobal, StageDeploy}
	return []StageVariable{
		{Name: "LOCK_PROVIDER", Type: TypeString, Stages: gd, Default: "file", Allowed: []string{"db", "file"}, Doc: "Where locks are kept."},
		{Name: "REDIS_BACKEND", Type: TypeString, Stages: d, Default: "Cm_Cache_Backend_Redis", Allowed: []string{"Cm_Cache_Backend_Redis", `\Magento\Framework\Cache\Backend\Redis`, `\Magento\Framework\Cache\Backend\RemoteSynchronizedCache`}, Also: []string{"redis", "valkey", "symfony_l2"}, Doc: "The cache class for Redis."},
		{Name: "REDIS_USE_SLAVE_CONNECTION", Type: TypeBoolean, Stages: gd, Default: false, Doc: "Reads go to a replica."},
		{Name: "VALKEY_BACKEND", Type: TypeString, Stages: d, Default: "Cm_Cache_Backend_Redis", Allowed: []string{"Cm_Cache_Backend_Redis", `\Magento\Framework\Cache\Backend\Redis`, `\Magento\Framework\Cache\Backend\RemoteSynchronizedCache`}, Also: []string{"redis", "valkey", "symfony_l2"}, Doc: "The cache class for Valkey."},
		{Name: "VALKEY_USE_SLAVE_CONNECTION", Type: TypeBoolean, Stages: gd, Default: false, Doc: "Reads go to a replica."},
		{Name: "USE_LUA", Type: TypeBoolean, Stages: d, Default: false, Magento: ">=2.4.7", Doc: "The cache of Redis or Valkey uses Lua scripts."},
		{Name: "LUA_KEY", Type: TypeBoolean, Stages: d, Default: true, Magento: ">=2.4.7", Doc: "Written to env.php as _useLua, next to use_lua."},
		{Name: "USE_LUA_ON_GC", Type: TypeBoolean, Stages: d, Default: true, Magento: ">=2.4.8", Doc: "Lua scripts also when old cache entries are removed; only written when it is set."},
		{Name: "MYSQL_USE_SLAVE_CONNECTION", Type: TypeBoolean, Stages: gd, Default: false, Doc: "Reads go to a replica."},
		{Name: "SPLIT_DB", Type: TypeArray, Stages: gd, Default: []any{}, Allowed: []string{"quote", "sales"}, Magento: "<2.5.0", Doc: "Databases of their own; gone since 2.5."},
		{Name: "ZERO_HOLD_DEPLOY", Type: TypeBoolean, Stages: gd, Default: true, Doc: "A deployment that changes no schema, data or configuration leaves the shop open."},
		{Name: "UPDATE_URLS", Type: TypeBoolean, Stages: gd, Default: true, Doc: "Base URLs follow the routes."},
		{Name: "FORCE_UPDATE_URLS", Type: TypeBoolean, Stages: gd, Default: false, Doc: "Also in production and staging."},
		{Name: "CLEAN_STATIC_FILES", Type: TypeBoolean, Stages: gd, Default: true, Doc: "Old static files are deleted."},
		{Name: "CRON_CONSUMERS_RUNNER", Type: TypeArray, Stages: d, Default: map[string]any{}, Magento: ">=2.2", Doc: "Which queue consumers cron starts: cron_run, max_messages, consumers, multiple_processes."},
		{Name: "CONSUMERS_WAIT_FOR_MAX_MESSAGES", Type: TypeBoolean, Stages: d, Default: false, Magento: ">=2.2.0", Doc: "Consumers wait for messages."},
		{Name: "ENABLE_GOOGLE_ANALYTICS", Type: TypeBoolean, Stages: gd, Default: false, Doc: "Also outside production."},
		{Name: "GENERATED_CODE_SYMLINK", Type: TypeBoolean, Stages: d, Default: true, Magento: "2.1.*", Doc: "Only for Magento 2.1.", Status: StatusIgnored, Note: "Magento 2.1 is not deployed by this toolkit"},
		{Name: "CRYPT_KEY", Type: TypeString, Stages: d, Default: "", Doc: "The encryption key; set it as a sensitive variable instead."},
	}
}

// configurationVariables are the parts of env.php that a project may write itself.
func configurationVariables() []StageVariable {
	d := []string{StageDeploy}
	array := func(name, doc string) StageVariable {
		return StageVariable{Name: name, Type: TypeArray, Stages: d, Default: map[string]any{}, Merge: true, Doc: doc}
	}
	remote := array("REMOTE_STORAGE", "Media in a bucket: driver, prefix, config.")
	remote.Merge, remote.Magento = false, ">=2.4.2"
	suite := array("ELASTICSUITE_CONFIGURATION", "ElasticSuite's section.")
	suite.Magento = ">=2.2.0"
	return []StageVariable{
		array("CACHE_CONFIGURATION", "The cache section."),
		array("SESSION_CONFIGURATION", "The session section."),
		array("QUEUE_CONFIGURATION", "The queue section."),
		array("SEARCH_CONFIGURATION", "The search engine; needs engine unless _merge is true."),
		suite,
		array("DATABASE_CONFIGURATION", "The db section."),
		array("RESOURCE_CONFIGURATION", "The resource section."),
		remote,
	}
}

func postDeployVariables() []StageVariable {
	p := []string{StagePostDeploy}
	return []StageVariable{
		{Name: "WARM_UP_PAGES", Type: TypeArray, Stages: p, Default: []any{""}, Doc: "Pages to load when the site is open again."},
		{Name: "WARM_UP_CONCURRENCY", Type: TypeInteger, Stages: p, Default: 0, Doc: "Requests at once; 0 has no limit."},
		{Name: "TTFB_TESTED_PAGES", Type: TypeArray, Stages: p, Default: []any{}, Doc: "Pages whose time to first byte is measured."},
	}
}

// LogLevels returns the names of the log levels from low to high.
func LogLevels() []string {
	return []string{"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"}
}

// stages returns the names of all stages.
func stages() []string { return []string{StageGlobal, StageBuild, StageDeploy, StagePostDeploy} }

// formerVariables are names that are no longer read, and what replaced them. Old projects
// still have them.
func formerVariables() map[string]string {
	return map[string]string{
		"SCD_EXCLUDE_THEMES":            "use SCD_MATRIX",
		"STATIC_CONTENT_EXCLUDE_THEMES": "use SCD_MATRIX",
		"STATIC_CONTENT_THREADS":        "use SCD_THREADS",
		"DO_DEPLOY_STATIC_CONTENT":      "use SKIP_SCD",
		"STATIC_CONTENT_SYMLINK":        "remove it; links are always used",
		"STATIC_CONTENT_LEVEL":          "use SCD_COMPRESSION_LEVEL",
		"APPLICATION_MODE":              "remove it; the mode is always production",
		"skip_di_clearing":              "remove it",
		"skip_di_compilation":           "remove it",
		"SKIP_DI_CLEARING":              "remove it",
		"SKIP_DI_COMPILATION":           "remove it",
	}
}
