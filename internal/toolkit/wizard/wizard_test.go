package wizard_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/toolkittest"
	"sluice/internal/toolkit/wizard"
)

const scopes = "-- app/etc/config.php --\n<?php return ['scopes' => ['websites' => ['base' => ['code' => 'base']]]];\n"

func world(t *testing.T, tree string, given map[string]any) *toolkittest.World {
	t.Helper()
	w := toolkittest.New(t, tree)
	maps.Copy(w.Variables, map[string]any{
		"SCD_ON_DEMAND": false, "SKIP_SCD": false, "SKIP_HTML_MINIFICATION": true,
		"MYSQL_USE_SLAVE_CONNECTION": false, "REDIS_USE_SLAVE_CONNECTION": false,
	})
	maps.Copy(w.Variables, given)
	return w
}

func hook() *phparray.Array {
	return phparray.Map("hooks", phparray.Map("post_deploy", "ece-tools run scenario/post-deploy.xml\n"))
}

func TestTextsAndStatuses(t *testing.T) {
	for _, c := range []struct {
		wizard, tree string
		given        map[string]any
		app, rels    *phparray.Array
		want         string
		status       int
	}{
		{wizard: wizard.ScdOnBuild, tree: scopes, want: "SCD on build is enabled\n"},
		{wizard: wizard.ScdOnBuild, given: map[string]any{"SCD_ON_DEMAND": true, "SKIP_SCD": true}, status: 1, want: " - SCD_ON_DEMAND variable is enabled\n - SKIP_SCD variable is enabled\n - No stores/website/locales found in config.php\nSCD on build is disabled\n"},
		{wizard: wizard.ScdOnDeploy, want: "SCD on deploy is enabled\n"},
		{wizard: wizard.ScdOnDeploy, tree: scopes, status: 1, want: " - SCD on build is enabled\nSCD on deploy is disabled\n"},
		{wizard: wizard.ScdOnDemand, given: map[string]any{"SCD_ON_DEMAND": true}, want: "SCD on demand is enabled\n"},
		{wizard: wizard.ScdOnDemand, status: 1, want: "SCD on demand is disabled\n"},
		{wizard: wizard.IdealState, tree: scopes, app: hook(), want: "The configured state is ideal\n"},
		{wizard: wizard.IdealState, given: map[string]any{"SKIP_HTML_MINIFICATION": false}, status: 3, want: " - No stores/website/locales found in config.php\n - Your application does not have the \"post_deploy\" hook enabled.\n - Skip HTML minification is disabled\nThe configured state is not ideal\n"},
		{wizard: wizard.MasterSlave, given: map[string]any{"MYSQL_USE_SLAVE_CONNECTION": true, "REDIS_USE_SLAVE_CONNECTION": true}, want: "Slave connections are configured\n"},
		{wizard: wizard.MasterSlave, want: " - MySQL slave connection is not configured\n - Redis slave connection is not configured\nSlave connections are not configured\n"},
		{wizard: wizard.SplitDBState, want: "DB is not split\n - DB cannot be split on this environment\n"},
		{wizard: wizard.SplitDBState, rels: phparray.Map("database-quote", phparray.List(phparray.Map("host", "q"))), want: "DB is not split\n - You may split DB using SPLIT_DB variable in .magento.env.yaml file\n"},
		{wizard: wizard.SplitDBState, tree: "-- app/etc/env.php --\n<?php return ['db' => ['connection' => ['default' => [], 'sales' => [], 'checkout' => []]]];\n", want: "DB is already split with type(s): quote, sales\n"},
	} {
		w := world(t, c.tree, c.given)
		if c.app != nil {
			w.Kit.Platform.Application = c.app
		}
		if c.rels != nil {
			w.Kit.Platform.Relationships = c.rels
		}
		r, err := wizard.Ask(t.Context(), w.Kit, c.wizard)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := r.Print(&out, false); err != nil {
			t.Fatal(err)
		}
		if out.String() != c.want || r.Status != c.status {
			t.Errorf("%s: status %d\n%swant status %d\n%s", c.wizard, r.Status, out.String(), c.status, c.want)
		}
		if lines := w.Shell.Lines(); len(lines) > 0 {
			t.Errorf("%s ran %v", c.wizard, lines)
		}
	}
}

func TestColours(t *testing.T) {
	var out bytes.Buffer
	_ = wizard.Report{OK: true, Result: "yes"}.Print(&out, true)
	_ = wizard.Report{Result: "no"}.Print(&out, true)
	if want := "\x1b[32myes\x1b[39;49m\n\x1b[37;41mno\x1b[39;49m\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestJSON(t *testing.T) {
	w := world(t, "", map[string]any{"SCD_ON_DEMAND": true})
	r, err := wizard.Ask(t.Context(), w.Kit, wizard.ScdOnDemand)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := wizard.PrintJSON(&out, r); err != nil {
		t.Fatal(err)
	}
	want := `{"wizard":"wizard:scd-on-demand","ok":true,"result":"SCD on demand is enabled","items":[],"status":0}`
	var compact bytes.Buffer
	if err := json.Compact(&compact, out.Bytes()); err != nil || compact.String() != want {
		t.Errorf("got %s, %v\nwant %s", compact.String(), err, want)
	}
}

const log = `-- var/log/cloud.log --
[2026-11-23T09:00:00.000000+00:00] DEBUG: Running step: deploy-static-content
[2026-11-23T09:00:12.500000+00:00] DEBUG: Step "deploy-static-content" finished
a line of a command, with no time
[2026-11-23T09:00:13.000000+00:00] DEBUG: Running step: compress-static-content
[2026-11-23T09:00:14.250000+00:00] DEBUG: Step "compress-static-content" finished
[2026-11-23T09:00:15.000000+00:00] DEBUG: Running step: deploy-complete
`

// holds returns what each finding of the ideal state is estimated to cost.
func holds(t *testing.T, w *toolkittest.World) string {
	t.Helper()
	reports, err := wizard.AskAll(t.Context(), w.Kit)
	if err != nil {
		t.Fatal(err)
	}
	if len(reports) != len(wizard.Wizards()) {
		t.Errorf("%d reports", len(reports))
	}
	var out bytes.Buffer
	if err := reports[0].Print(&out, false); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestAllEstimatesTheHoldByTheLastDeployment(t *testing.T) {
	got := holds(t, world(t, log, map[string]any{"SKIP_HTML_MINIFICATION": false}))
	want := ` - No stores/website/locales found in config.php
   adds about 13.8 s to the hold (deploy-static-content, compress-static-content in the last deployment)
 - Your application does not have the "post_deploy" hook enabled.
   adds about 0.7 s to the hold (measured for cache:flush of a shop without data)
 - Skip HTML minification is disabled
The configured state is not ideal
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAllEstimatesByMeasuredDefaults(t *testing.T) {
	got := holds(t, world(t, "", nil))
	if !strings.Contains(got, "adds about 9.6 s to the hold (measured for one locale of Luma and the admin, two processors)") {
		t.Errorf("got\n%s", got)
	}
}

func TestStaticContentThatNobodyMakesCostsNothing(t *testing.T) {
	got := holds(t, world(t, log, map[string]any{"SCD_ON_DEMAND": true}))
	if strings.Contains(got, "static-content") || strings.Contains(got, "9.6") {
		t.Errorf("got\n%s", got)
	}
}

func TestAnUnknownWizard(t *testing.T) {
	if _, err := wizard.Ask(t.Context(), world(t, "", nil).Kit, "wizard:x"); err == nil {
		t.Error("no error")
	}
}
