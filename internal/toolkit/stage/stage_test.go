package stage_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"sluice/internal/manifest"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/stage"
)

// variables reads a .magento.env.yaml and the platform's variables in JSON.
func variables(t *testing.T, file, cloud string) *stage.Variables {
	t.Helper()
	env, found := manifest.ReadEnv(fstest.MapFS{".magento.env.yaml": {Data: []byte(file)}})
	if env == nil && file != "" {
		t.Fatal(found)
	}
	m := phparray.New()
	if cloud != "" {
		v, err := phparray.DecodeJSON([]byte(cloud))
		if err != nil {
			t.Fatal(err)
		}
		m, _ = v.(*phparray.Array)
	}
	v, err := stage.New(env, m)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// show prints a value as JSON, which tells the types apart.
func show(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(ordered(v))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// ordered keeps the order of keys, which encoding/json would lose.
func ordered(v any) any {
	a, ok := v.(*phparray.Array)
	if !ok {
		return v
	}
	if a.Len() == 0 || a.IsList() {
		list := []any{}
		for _, item := range a.All() {
			list = append(list, ordered(item))
		}
		return list
	}
	return object{a}
}

type object struct{ a *phparray.Array }

func (o object) MarshalJSON() ([]byte, error) {
	var parts []string
	for k, v := range o.a.All() {
		b, err := json.Marshal(ordered(v))
		if err != nil {
			return nil, err
		}
		parts = append(parts, fmt.Sprintf("%q:%s", k, b))
	}
	return []byte("{" + strings.Join(parts, ",") + "}"), nil
}

func TestPrecedence(t *testing.T) {
	const file = `stage:
  global: {VERBOSE_COMMANDS: "-v", SCD_THREADS: 1, SKIP_SCD: true, SCD_ON_DEMAND: true}
  build: {SCD_THREADS: 2, SCD_STRATEGY: quick}
  deploy: {SCD_THREADS: 3, SCD_MATRIX: {b: , a: {language: [x]}}}
  post-deploy: {WARM_UP_PAGES: [a, b]}
`
	const cloud = `{"SCD_THREADS": "4", "SCD_ON_DEMAND": false, "WARM_UP_PAGES": ["c"], "VERBOSE_COMMANDS": "-vv"}`
	v := variables(t, file, cloud)
	for _, c := range []struct{ stage, name, want string }{
		{"build", "VERBOSE_COMMANDS", `"-v" stage.global`},
		{"build", "SCD_THREADS", `2 stage.build`},
		{"build", "SCD_COMPRESSION_LEVEL", `6 default`},
		{"build", "SCD_MAX_EXECUTION_TIME", `null default`},
		{"build", "SKIP_SCD", `true stage.global`},
		{"deploy", "SCD_COMPRESSION_LEVEL", `4 default`},
		{"deploy", "SCD_THREADS", `4 MAGENTO_CLOUD_VARIABLES`},
		{"deploy", "SCD_MATRIX", `{"b":null,"a":{"language":["x"]}} stage.deploy`},
		{"deploy", "SCD_STRATEGY", `"" default`},
		{"deploy", "SCD_ON_DEMAND", `false MAGENTO_CLOUD_VARIABLES`},
		{"global", "SCD_ON_DEMAND", `true stage.global`},
		{"post-deploy", "WARM_UP_PAGES", `["a","b"] stage.post-deploy`},
		{"post-deploy", "VERBOSE_COMMANDS", `"-v" stage.global`},
		{"post-deploy", "TTFB_TESTED_PAGES", `[] default`},
		{"global", "X_FRAME_CONFIGURATION", `"SAMEORIGIN" default`},
	} {
		s, ok := v.In(c.stage).Lookup(c.name)
		if got := fmt.Sprint(show(t, s.Value), " ", s.Source); !ok || got != c.want {
			t.Errorf("%s %s: %s, want %s", c.stage, c.name, got, c.want)
		}
	}
	if v.In("deploy").Given("SCD_STRATEGY") || !v.In("deploy").Given("SCD_THREADS") {
		t.Error("Given is wrong")
	}
}

func TestUndefined(t *testing.T) {
	v := variables(t, "", "")
	for _, c := range []struct {
		stage, name string
		code        int
	}{{"build", "WARM_UP_PAGES", 3}, {"deploy", "SCD_ON_DEMAND", 103}, {"post-deploy", "SKIP_SCD", 203}, {"global", "REDIS_BACKEND", 243}, {"build", "NONE", 3}} {
		_, err := v.In(c.stage).Value(c.name)
		if err == nil || fault.CodeOf(err) != c.code || err.Error() != "Config "+c.name+" was not defined." {
			t.Errorf("%s %s: %v (%d)", c.stage, c.name, err, fault.CodeOf(err))
		}
	}
}

// TestDecoding is about texts of the deploy stage, from the file and from the platform.
func TestDecoding(t *testing.T) {
	const file = `stage:
  build: {SCD_STRATEGY: "true"}
  deploy: {SKIP_SCD: "true", LOCK_PROVIDER: "null", SCD_STRATEGY: quick, CRON_CONSUMERS_RUNNER: '{"cron_run": true, "consumers": ["b", "a"]}',
    SESSION_CONFIGURATION: "{save: redis", DATABASE_CONFIGURATION: {connection: {default: {driver_options: {!php/const:\PDO::MYSQL_ATTR_LOCAL_INFILE : 1}}}}}
`
	v := variables(t, file, `{"QUEUE_CONFIGURATION": "null", "CACHE_CONFIGURATION": ""}`)
	for _, c := range []struct{ stage, name, want string }{
		{"build", "SCD_STRATEGY", `"true"`},
		{"deploy", "SKIP_SCD", `true`},
		{"deploy", "LOCK_PROVIDER", `"null"`},
		{"deploy", "SCD_STRATEGY", `"quick"`},
		{"deploy", "CRON_CONSUMERS_RUNNER", `{"cron_run":true,"consumers":["b","a"]}`},
		{"deploy", "SESSION_CONFIGURATION", `[]`},
		{"deploy", "QUEUE_CONFIGURATION", `[]`},
		{"deploy", "CACHE_CONFIGURATION", `""`},
		{"deploy", "DATABASE_CONFIGURATION", `{"connection":{"default":{"driver_options":{"1001":1}}}}`},
	} {
		got, err := v.In(c.stage).Value(c.name)
		if err != nil || show(t, got) != c.want {
			t.Errorf("%s %s: %s, %v; want %s", c.stage, c.name, show(t, got), err, c.want)
		}
	}
	var problems []string
	for _, p := range v.Undecodable() {
		problems = append(problems, p.Name)
	}
	if got := strings.Join(problems, " "); got != "SESSION_CONFIGURATION QUEUE_CONFIGURATION" {
		// CACHE_CONFIGURATION: "" says nothing.
		t.Errorf("undecodable: %s", got)
	}
	if m, err := (kit.Stage{Source: v.In("deploy")}).Map("CACHE_CONFIGURATION"); err != nil || m.Len() != 0 {
		t.Errorf("an empty text as a map: %v, %v", m, err)
	}
}

func TestConversions(t *testing.T) {
	for _, c := range []struct{ name, given, want string }{
		{"VERBOSE_COMMANDS", `"enabled"`, `"-vvv"`},
		{"VERBOSE_COMMANDS", `"-vv"`, `"-vv"`},
		{"VERBOSE_COMMANDS", `"-vvvv"`, `""`},
		{"CLEAN_STATIC_FILES", `"disabled"`, `false`},
		{"CLEAN_STATIC_FILES", `"enabled"`, `true`},
		{"CLEAN_STATIC_FILES", `1`, `true`},
		{"UPDATE_URLS", `"no"`, `true`},
		{"UPDATE_URLS", `"false"`, `false`},
		{"UPDATE_URLS", `false`, `false`},
		{"GENERATED_CODE_SYMLINK", `"disabled"`, `false`},
		{"SCD_THREADS", `"3"`, `3`},
		{"SCD_THREADS", `3`, `3`},
		{"SCD_THREADS", `"one"`, `-1`},
		{"SCD_THREADS", `1.5`, `-1`},
		{"SCD_COMPRESSION_LEVEL", `"9"`, `9`},
		{"SCD_COMPRESSION_LEVEL", `10`, `4`},
		{"SKIP_SCD", `null`, `false`},
		{"STATIC_CONTENT_THREADS", `3`, `3`},
	} {
		v := variables(t, "", `{"`+c.name+`": `+c.given+`}`)
		got, err := v.In("deploy").Value(c.name)
		if err != nil || show(t, got) != c.want {
			t.Errorf("%s %s: %s, %v; want %s", c.name, c.given, show(t, got), err, c.want)
		}
	}
}

func TestUnknownConstant(t *testing.T) {
	env, _ := manifest.ReadEnv(fstest.MapFS{".magento.env.yaml": {Data: []byte("stage: {deploy: {SEARCH_CONFIGURATION: {engine: !php/const:Foo::BAR}}}\n")}})
	if _, err := stage.New(env, nil); err == nil || err.Error() != `.magento.env.yaml: stage.deploy: the constant "Foo::BAR" is not known here; write its value` {
		t.Error(err)
	}
}

// TestSettings lists the whole stage, also what was not set.
func TestSettings(t *testing.T) {
	v := variables(t, "stage: {post-deploy: {WARM_UP_CONCURRENCY: 4}}\n", "")
	var got []string
	for _, s := range v.In("post-deploy").Settings() {
		got = append(got, fmt.Sprintf("%s=%s %s", s.Name, show(t, s.Value), s.Source))
	}
	const want = `VERBOSE_COMMANDS="" default, WARM_UP_PAGES=[""] default, WARM_UP_CONCURRENCY=4 stage.post-deploy, TTFB_TESTED_PAGES=[] default`
	if text := strings.Join(got, ", "); text != want {
		t.Errorf("got %s", text)
	}
	if names := stage.Names("post-deploy"); len(names) != len(got) {
		t.Errorf("names: %v", names)
	}
}
