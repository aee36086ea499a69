package deploy_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"sluice/internal/engine"
	"sluice/internal/platform"
)

func TestRedeployRunsTheHookOnlyForAReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push(shop())
	if out := w.redeploy("main", nil); !strings.Contains(out, "Skipping the deploy hook") || !strings.Contains(out, "Executing post deploy hook") {
		t.Errorf("an unchanged redeploy should run post_deploy only:\n%s", out)
	}
	if out := w.redeploy("main", map[string]string{"deploy.hooks": "force"}); !strings.Contains(out, "Executing deploy hook for application mymagento (asked for)") {
		t.Errorf("the hook was not forced:\n%s", out)
	}
	err := w.store.SaveVariable(t.Context(), "shop", platform.Variable{
		Name: "env:COLOUR", Value: "blue", Environment: "main", VisibleRuntime: true, Enabled: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if out := w.redeploy("main", nil); !strings.Contains(out, "(variables, routes or relationships changed)") {
		t.Errorf("a changed variable did not run the hook:\n%s", out)
	}
}

// TestLogsHaveNoSensitiveValues: a hook that prints its environment, on its way to the log.
func TestLogsHaveNoSensitiveValues(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, sensitive := range map[string]bool{"env:API_KEY": true, "env:COLOUR": false} {
		err := w.store.SaveVariable(t.Context(), "shop", platform.Variable{
			Name: name, Value: "value-of-" + name, Sensitive: sensitive, VisibleBuild: true, VisibleRuntime: true, Enabled: true,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	w.engine.OnExec(func(_ context.Context, req engine.ExecRequest) (int, error) {
		_, err := io.WriteString(req.Stdout, "API_KEY=value-of-env:API_KEY COLOUR=value-of-env:COLOUR\n")
		return 0, err
	})
	out, _ := w.push(shop())
	if strings.Contains(out, "value-of-env:API_KEY") || !strings.Contains(out, "API_KEY=******** COLOUR=value-of-env:COLOUR") {
		t.Errorf("the log has\n%s", out)
	}
}
