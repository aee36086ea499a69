package configcmd_test

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"testing"

	"sluice/internal/manifest"
	"sluice/internal/toolkit/configcmd"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/toolkittest"
)

func TestCreateWritesBlockStyleAndKeepsTypes(t *testing.T) {
	for _, c := range []struct{ json, want string }{
		{`{"stage":{"build":{"SCD_THREADS":3}}}`, "stage:\n  build:\n    SCD_THREADS: 3\n"},
		{
			`{"stage":{"deploy":{"DATABASE_CONFIGURATION":{"connection":{"default":{"host":"localhost","port":"3307","password":"1234","on":"yes","empty":"","none":null,"list":["a",true]}}}}}}`,
			"stage:\n  deploy:\n    DATABASE_CONFIGURATION:\n      connection:\n        default:\n          host: localhost\n          port: '3307'\n          password: '1234'\n          'on': 'yes'\n          empty: ''\n          none: null\n          list:\n            - a\n            - true\n",
		},
	} {
		w := toolkittest.New(t, "-- .magento.env.yaml --\nold: true\n")
		var out bytes.Buffer
		if err := configcmd.Create(&out, w.Kit.Tree, c.json); err != nil {
			t.Fatal(err)
		}
		if got := w.File(t, ".magento.env.yaml"); got != c.want {
			t.Errorf("got\n%s\nwant\n%s", got, c.want)
		}
		if want := "Config file " + w.Kit.Tree.Path(".magento.env.yaml") + " was created\n"; out.String() != want {
			t.Errorf("said %q, want %q", out.String(), want)
		}
		if _, found := manifest.ReadEnv(w.Kit.Tree.Root().FS()); found.HasErrors() {
			t.Errorf("what was written is not valid: %v", found)
		}
	}
}

func TestUpdateMergesAndKeepsComments(t *testing.T) {
	w := toolkittest.New(t, `-- .magento.env.yaml --
# of the team
stage:
  build:
    SCD_THREADS: 3 # two were too few
  deploy:
    LOCK_PROVIDER: file
    CRON_CONSUMERS_RUNNER:
      consumers:
        - one
        - two
log:
  slack: {token: x}
`)
	var out bytes.Buffer
	err := configcmd.Update(&out, w.Kit.Tree, `{"stage":{"build":{"SCD_THREADS":6},"deploy":{"LOCK_PROVIDER":{"a":1},"CRON_CONSUMERS_RUNNER":{"consumers":["three"],"cron_run":true}},"global":{"SCD_ON_DEMAND":true}}}`)
	if err != nil {
		t.Fatal(err)
	}
	want := `# of the team
stage:
  build:
    SCD_THREADS: 6 # two were too few
  deploy:
    LOCK_PROVIDER:
      a: 1
    CRON_CONSUMERS_RUNNER:
      consumers:
        - three
        - two
      cron_run: true
  global:
    SCD_ON_DEMAND: true
log:
  slack: {token: x}
`
	if got := w.File(t, ".magento.env.yaml"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if !strings.HasSuffix(out.String(), " was updated\n") {
		t.Errorf("said %q", out.String())
	}
}

func TestUpdateOfNothingCreates(t *testing.T) {
	w := toolkittest.New(t, "")
	if err := configcmd.Update(&bytes.Buffer{}, w.Kit.Tree, `{"stage":{"build":{"SCD_THREADS":3}}}`); err != nil {
		t.Fatal(err)
	}
	if got := w.File(t, ".magento.env.yaml"); got != "stage:\n  build:\n    SCD_THREADS: 3\n" {
		t.Errorf("got %s", got)
	}
}

func TestWhatCannotBeReadIsLeftAlone(t *testing.T) {
	const broken = "stage:\n\t- x\n"
	for _, c := range []struct{ old, json, want string }{
		{"stage: {}\n", `{"stage":`, "Wrong JSON format: "},
		{"stage: {}\n", `[1]`, "Wrong JSON format: the configuration must be an object"},
		{"stage: {}\n", `3`, "Wrong JSON format: the configuration must be an object"},
		{broken, `{"stage":{}}`, ".magento.env.yaml: yaml: "},
	} {
		w := toolkittest.New(t, "-- .magento.env.yaml --\n"+c.old)
		err := configcmd.Update(&bytes.Buffer{}, w.Kit.Tree, c.json)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || fault.ExitStatus(err) != 1 {
			t.Errorf("%s: got %v, want %s", c.json, err, c.want)
		}
		if got := w.File(t, ".magento.env.yaml"); got != c.old {
			t.Errorf("%s: the file is now\n%s", c.json, got)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{"stage:\n  build:\n    SCD_THREADS: 3\n", "The configuration file .magento.env.yaml is valid.\n"},
		{"stage:\n  build:\n    FOO: 3\n", "Environment configuration is not valid. Correct the following items in your .magento.env.yaml file:\n  .magento.env.yaml:3:5: error: The FOO variable is not allowed in configuration.\n"},
	} {
		w := toolkittest.New(t, "-- .magento.env.yaml --\n"+c.file)
		var out bytes.Buffer
		err := configcmd.Validate(t.Context(), &out, w.Kit)
		if valid := strings.Contains(c.want, "is valid"); valid != (err == nil) || !valid && !errors.Is(err, configcmd.ErrInvalid) {
			t.Errorf("%s: %v", c.file, err)
		}
		if out.String() != c.want {
			t.Errorf("got %q\nwant %q", out.String(), c.want)
		}
	}
}

func TestShow(t *testing.T) {
	p := &kit.Platform{
		Relationships: phparray.Map(
			"database", phparray.List(phparray.Map("host", "database.internal", "port", 3306, "query", phparray.Map("is_master", true), "password", nil)),
			"search", phparray.List(phparray.Map("host", "a"), phparray.Map("host", "b")),
		),
		Routes:    phparray.New(),
		Variables: phparray.Map("ADMIN_EMAIL", "a@example.com", "LONG", strings.Repeat("x", 61)+"\x1b[31m"),
	}
	var out bytes.Buffer
	if err := configcmd.Show(&out, p, []string{"services", "variables", "keys"}); err != nil {
		t.Fatal(err)
	}
	line := "+------------------------------------------+--------------------------------------------------------------+\n"
	want := "Unknown variable(s): keys\n\nMagento Cloud Services:\n" + line +
		"| Service configuration                    | Value                                                        |\n" + line +
		"| database:                                                                                               |\n" + line +
		"| host                                     | database.internal                                            |\n" +
		"| port                                     | 3306                                                         |\n" +
		"| query                                    |                                                              |\n" +
		"|  -is_master                              | true                                                         |\n" +
		"| password                                 | null                                                         |\n" + line +
		"| search:                                                                                                 |\n" + line +
		"| 0                                        |                                                              |\n" +
		"|  -host                                   | a                                                            |\n" +
		"| 1                                        |                                                              |\n" +
		"|  -host                                   | b                                                            |\n" + line +
		"\nMagento Cloud Environment Variables:\n" + line +
		"| Variable name                            | Value                                                        |\n" + line +
		"| ADMIN_EMAIL                              | a@example.com                                                |\n" +
		"| LONG                                     | xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx |\n" +
		"|                                          | x [31m                                                       |\n" + line
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	out.Reset()
	if err := configcmd.Show(&out, p, nil); err != nil || !strings.Contains(out.String(), "\nMagento Cloud Routes:\n") {
		t.Errorf("%v:\n%s", err, out.String())
	}
}

func TestReferencesNameEverything(t *testing.T) {
	var out bytes.Buffer
	if err := configcmd.Variables(&out); err != nil {
		t.Fatal(err)
	}
	for _, v := range manifest.StageVariables() {
		if !strings.Contains(out.String(), "\n## "+v.Name+"\n") {
			t.Errorf("%s is missing", v.Name)
		}
	}
	out.Reset()
	if err := configcmd.ErrorCodes(&out); err != nil {
		t.Fatal(err)
	}
	for _, e := range fault.Entries() {
		if !strings.Contains(out.String(), "\n| "+strconv.Itoa(e.Code)+" | ") {
			t.Errorf("%d is missing", e.Code)
		}
	}
}
