package validate_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/scenario"
	"sluice/internal/toolkit/toolkittest"
	"sluice/internal/toolkit/validate"
)

// finds is a validator that finds one thing.
type finds struct {
	fault *fault.Fault
	err   error
}

func (f finds) Validate(context.Context) (*fault.Fault, error) { return f.fault, f.err }

func configuration(t *testing.T, w *toolkittest.World, groups ...scenario.Item) kit.Step {
	t.Helper()
	step, err := validate.NewConfiguration(w.Kit, scenario.Arguments{{Name: "validators", Value: groups}})
	if err != nil {
		t.Fatal(err)
	}
	return step.(kit.Step) //nolint:errcheck,forcetypeassert // the test ends where it is none
}

func found(code int, message string) finds {
	return finds{fault: &fault.Fault{Code: code, Message: message, Suggestion: "fix " + message}}
}

func TestFindingsAreReportedFromLightToHeavyAndTheFirstCriticalFails(t *testing.T) {
	w := toolkittest.New(t, "")
	step := configuration(t, w,
		scenario.Item{Name: "critical", Value: []scenario.Item{
			{Name: "a", Value: found(109, "database")},
			{Name: "well", Value: finds{}},
			{Name: "b", Value: found(111, "search")},
			{Name: "left out", Skipped: true, Value: found(1, "never")},
		}},
		scenario.Item{Name: "500", Value: []scenario.Item{{Name: "c", Value: found(0, "by number")}}},
		scenario.Item{Name: "warning", Value: []scenario.Item{{Name: "d", Value: found(2019, "engine")}}},
		scenario.Item{Name: "notice", Value: []scenario.Item{{Name: "e", Value: found(0, "soon")}}},
	)
	err := step.Run(t.Context())
	if fault.CodeOf(err) != 109 || err.Error() != "database" {
		t.Errorf("got %v (%d), want the first critical finding", err, fault.CodeOf(err))
	}
	want := `NOTICE: Validating configuration
INFO: Validator "left out" was skipped
NOTICE: Fix configuration with given suggestions:
NOTICE: soon
fix soon
WARNING: [2019] engine
fix engine
CRITICAL: [109] database
fix database
CRITICAL: [111] search
fix search
CRITICAL: by number
fix by number
`
	if got := w.Log(); got != want {
		t.Errorf("log:\n%s\nwant:\n%s", got, want)
	}
}

func TestWarningsDoNotFail(t *testing.T) {
	w := toolkittest.New(t, "")
	step := configuration(t, w, scenario.Item{Name: "Warning", Value: []scenario.Item{{Name: "d", Value: found(2019, "engine")}}})
	if err := step.Run(t.Context()); err != nil {
		t.Error(err)
	}
	if !strings.HasSuffix(w.Log(), "NOTICE: End of validation\n") {
		t.Errorf("log:\n%s", w.Log())
	}
}

func TestAFindingWithoutCodeFailsWithOne(t *testing.T) {
	w := toolkittest.New(t, "")
	step := configuration(t, w, scenario.Item{Name: "critical", Value: []scenario.Item{{Name: "d", Value: found(0, "x")}}})
	if got := fault.CodeOf(step.Run(t.Context())); got != 1 {
		t.Errorf("code %d, want 1", got)
	}
}

func TestAValidatorThatCannotWorkEndsTheStep(t *testing.T) {
	w := toolkittest.New(t, "")
	broken := errors.New("no disk")
	step := configuration(t, w, scenario.Item{Name: "critical", Value: []scenario.Item{{Name: "d", Value: finds{err: broken}}}})
	if err := step.Run(t.Context()); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestAnUnknownLevelRunsNothing(t *testing.T) {
	w := toolkittest.New(t, "")
	_, err := validate.NewConfiguration(w.Kit, scenario.Arguments{{Name: "validators", Value: []scenario.Item{{Name: "grave"}}}})
	if err == nil || !strings.HasPrefix(err.Error(), `Level "grave" is not defined, use one of: debug, info`) {
		t.Errorf("got %v", err)
	}
}

func TestErrorReportFileThatCannotBeRead(t *testing.T) {
	check := func(tree string) *fault.Fault {
		t.Helper()
		w := toolkittest.New(t, tree)
		f, err := validate.ReportDirNestingLevel(t.Context(), w.Kit)
		if err != nil || f == nil {
			t.Fatalf("got %v, %v", f, err)
		}
		f.Message = strings.ReplaceAll(f.Message, w.Kit.Tree.Dir(), "/app")
		f.Suggestion = strings.ReplaceAll(f.Suggestion, w.Kit.Tree.Dir(), "/app")
		return f
	}
	f := check("-- pub/errors/local.xml --\n<config><report></config>\n")
	if f.Code != 2004 || !strings.HasPrefix(f.Message, "Invalid configuration in the /app/pub/errors/local.xml file. ") ||
		f.Suggestion != "Fix the directory nesting level configuration for error reporting in the file /app/pub/errors/local.xml" {
		t.Errorf("got [%d] %s\n%s", f.Code, f.Message, f.Suggestion)
	}
	if f := check(""); f.Code != 0 || !strings.Contains(f.Message, "pub/errors/local.xml") {
		t.Errorf("got [%d] %s", f.Code, f.Message)
	}
}
