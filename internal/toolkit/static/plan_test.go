package static

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"sluice/internal/composer"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/shell"
	"sluice/internal/toolkit/toolkittest"
)

func version(t *testing.T, text string) composer.Version {
	t.Helper()
	v, err := composer.ParseVersion(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestArgs(t *testing.T) {
	seconds := 900
	full := Options{Strategy: "quick", Verbose: "-vv", Jobs: 2, MaxExecutionTime: &seconds, SkipMinification: true, NoParent: true}
	matrix := []Themed{{"Magento/backend", []string{"en_US", "fr_FR"}}, {"Magento/blank", nil}}
	for name, c := range map[string]struct {
		options Options
		version string
		matrix  []Themed
		want    []string
	}{
		"everything": {full, "2.4.6", matrix, []string{
			"-f -s quick -vv --jobs 2 --no-html-minify --max-execution-time 900 --no-parent --exclude-theme Magento/backend --exclude-theme Magento/blank en_US de_DE",
			"-f -s quick -vv --jobs 2 --no-html-minify --max-execution-time 900 --no-parent --theme Magento/backend en_US fr_FR",
		}},
		"defaults":                        {Options{}, "2.4.7-p3", nil, []string{"-f en_US de_DE"}},
		"compact has no --no-parent":      {Options{Strategy: "compact", NoParent: true}, "2.4.7", nil, []string{"-f -s compact en_US de_DE"}},
		"no --no-parent before 2.4.2":     {Options{NoParent: true}, "2.4.1", nil, []string{"-f en_US de_DE"}},
		"2.1 knows neither -f nor others": {full, "2.1.9", nil, []string{"-vv --jobs 2 en_US de_DE"}},
	} {
		t.Run(name, func(t *testing.T) {
			c.options.Version = version(t, c.version)
			plan := NewPlan(c.options, []string{"en_US", "de_DE"}, c.matrix)
			var got []string
			for _, pass := range plan.Passes {
				got = append(got, strings.Join(plan.Args(pass), " "))
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestJobs(t *testing.T) {
	for _, c := range []struct {
		threads    int
		strategy   string
		processors int
		version    string
		want       string
	}{
		{-1, "", 2, "2.4.7", "2 false"},
		{-1, "", 16, "2.4.7", "4 false"},
		{-1, "", 0, "2.4.7", "1 false"},
		{-1, "", 8, "2.1.10", "1 false"},
		{0, "", 8, "2.4.7", "0 false"},
		{7, "quick", 2, "2.4.7", "7 false"},
		{-3, "", 8, "2.4.7", "0 false"},
		{3, "compact", 8, "2.2.3", "1 true"},
		{1, "compact", 8, "2.2.3", "1 false"},
		{-1, "compact", 8, "2.2.3", "1 false"},
		{3, "compact", 8, "2.2.4", "3 false"},
	} {
		jobs, forced := Jobs(c.threads, c.strategy, c.processors, version(t, c.version))
		if got := fmt.Sprint(jobs, forced); got != c.want {
			t.Errorf("%+v: got %s", c, got)
		}
	}
}

func TestResolve(t *testing.T) {
	installed := []string{"Acme/shop", "Magento/backend", "Magento/luma"}
	for theme, want := range map[string]string{"Magento/luma": "Magento/luma true", "magento/LUMA": "Magento/luma false", "Magento/none": " false"} {
		name, exact := Resolve(theme, installed)
		if fmt.Sprint(name, " ", exact) != want {
			t.Errorf("%s resolved to %q %t", theme, name, exact)
		}
	}
}

// progress is what bin/magento prints for a package, twice, with its cursor movements.
const progress = "\x1b[1A\x1b[2Kfrontend/Magento/luma/en_US             2/4           ===> 50%    6 secs\x1b[1A\x1b[2Kfrontend/Magento/luma/en_US             4/4           ============================ 100%   6 secs"

func TestSuccessIsNotBelieved(t *testing.T) {
	content := fstest.MapFS{}
	for _, name := range []string{"a.js", "b.js", "css/c.css"} {
		content["frontend/Magento/luma/en_US/"+name] = &fstest.MapFile{}
	}
	one := fstest.MapFS{"frontend/Magento/luma/en_US/js-translation.json": &fstest.MapFile{}}
	for name, c := range map[string]struct {
		output  string
		static  fstest.MapFS
		compact bool
		want    string
	}{
		"all is there":            {progress, content, false, "<nil>"},
		"nothing was reported":    {"done", content, false, "<nil>"},
		"next to nothing":         {progress, one, false, "setup:static-content:deploy ended with 0 but pub/static/frontend/Magento/luma/en_US has 1 files of about 4"},
		"compact shares":          {progress, one, true, "<nil>"},
		"nothing at all, compact": {progress, fstest.MapFS{}, true, "setup:static-content:deploy ended with 0 but pub/static/frontend/Magento/luma/en_US has 0 files of about 4"},
		"errors of the children":  {progress + "\n\x1b[37;41mError happened during deploy process: Port must be configured within host parameter\x1b[39;49m\n", content, false, "setup:static-content:deploy ended with 0 but reports errors: Error happened during deploy process: Port must be configured within host parameter"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := fmt.Sprint(Check(c.output, c.static, c.compact)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestGenerateRunsEveryPassAndStopsAtAFailure(t *testing.T) {
	w := toolkittest.New(t, "-- pub/static/.htaccess --\n")
	plan := NewPlan(Options{Version: version(t, "2.4.7")}, []string{"en_US"}, []Themed{{"Acme/shop", []string{"fr_FR"}}})
	generator := Magento{Shell: w.Shell, Static: w.Dir + "/pub/static"}
	if err := generator.Generate(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	want := "php ./bin/magento setup:static-content:deploy --ansi --no-interaction -f --exclude-theme Acme/shop en_US\n" +
		"php ./bin/magento setup:static-content:deploy --ansi --no-interaction -f --theme Acme/shop fr_FR"
	if got := strings.Join(w.Shell.Lines(), "\n"); got != want {
		t.Errorf("ran\n%s\nwant\n%s", got, want)
	}
	w.Shell.On("php", func(shell.Command) (shell.Result, error) { return shell.Result{Stdout: progress}, nil })
	if err := generator.Generate(t.Context(), plan); err == nil || !strings.Contains(err.Error(), "has 0 files of about 4") {
		t.Errorf("error %v", err)
	}
	if len(w.Shell.Lines()) != 3 {
		t.Errorf("went on after the failure: %q", w.Shell.Lines()[2:])
	}
	if err := os.RemoveAll(w.Dir + "/pub/static"); err != nil {
		t.Fatal(err)
	}
	if err := generator.Generate(t.Context(), plan); err == nil {
		t.Error("no error without pub/static")
	}
}

func TestBuildLocales(t *testing.T) {
	config, err := phparray.Parse("config.php", []byte(`<?php return ['system' => ['default' => ['general' => ['locale' => ['code' => 'en_GB']]],
		'stores' => ['fr' => ['general' => ['locale' => ['code' => 'fr_FR']]], 'de' => ['general' => ['locale' => ['code' => 'de_DE']]]]],
		'admin_user' => ['locale' => ['code' => ['pl_PL', 'fr_FR', '']]]];`))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(BuildLocales("es_ES", config)); got != "[es_ES en_GB fr_FR de_DE pl_PL en_US]" {
		t.Error(got)
	}
	if got := fmt.Sprint(BuildLocales("en_US", nil)); got != "[en_US]" {
		t.Error(got)
	}
}
