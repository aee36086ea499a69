package scenario_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/scenario"
	"sluice/internal/toolkit/shell"
	"sluice/internal/toolkit/toolkittest"
)

// steps is a registry whose steps log, fail with a code, or run the steps they are given.
func steps() *scenario.Registry {
	r := &scenario.Registry{}
	r.AddStep(`Step\Works`, func(k *kit.Kit) kit.Step {
		return kit.StepFunc(func(context.Context) error { k.Log.Info("works"); return nil })
	})
	r.AddStep(`Step\Fails`, func(*kit.Kit) kit.Step {
		return kit.StepFunc(func(context.Context) error { return fault.New(15, "compile broke") })
	})
	r.AddStep(`Step\FailsHigh`, func(*kit.Kit) kit.Step {
		return kit.StepFunc(func(context.Context) error { return fault.New(2028, "no storage") })
	})
	r.AddStep(`Step\FailsPlain`, func(*kit.Kit) kit.Step {
		return kit.StepFunc(func(context.Context) error { return errors.New("plain") })
	})
	r.Add(`Step\Outer`, func(_ *kit.Kit, args scenario.Arguments) (any, error) {
		inner, err := args.Steps("steps")
		return kit.StepFunc(func(ctx context.Context) error {
			for _, s := range inner {
				if err := s.Run(ctx); err != nil {
					return err
				}
			}
			return nil
		}), err
	})
	action := func(name string, err error) {
		r.Add(name, func(k *kit.Kit, _ scenario.Arguments) (any, error) {
			return onFail(func(context.Context) error { k.Log.Info(name + " ran"); return err }), nil
		})
	}
	action("Works", nil)
	action("Breaks", errors.New("action broke"))
	return r
}

type onFail func(context.Context) error

func (f onFail) RunOnFail(ctx context.Context) error { return f(ctx) }

func runScenario(t *testing.T, body string) (*toolkittest.World, error) {
	t.Helper()
	w := toolkittest.New(t, "-- a.xml --\n<scenario xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n"+body+"\n</scenario>\n"+
		"-- composer.lock --\n{\"packages\": [{\"name\": \"magento/magento2-base\", \"version\": \"2.4.7-p3\"}]}\n")
	r := scenario.Runner{Kit: w.Kit, Registry: steps(), Files: scenario.Files{WorkDir: w.Dir, Root: w.Dir}}
	return w, r.Run(t.Context(), "a.xml")
}

const outer = `<step name="outer" type="Step\Outer" priority="1"><arguments><argument name="steps" xsi:type="array">
<item name="in" xsi:type="object" priority="2">Magento\MagentoCloud\Step\Works</item>
<item name="out" xsi:type="object" priority="1" skip="true">Magento\MagentoCloud\Step\Works</item>
<item name="cmd" xsi:type="shell" priority="3">echo from the shell</item>
</argument></arguments></step>`

func TestRunLogsInTheOrderOfTheSpecification(t *testing.T) {
	w, err := runScenario(t, `<step name="late" type="\Magento\MagentoCloud\Step\Works" priority="9"/><step name="no" skip="true" priority="5"/>`+outer)
	if err != nil {
		t.Fatal(err)
	}
	want := `INFO: Starting scenario(s): a.xml (magento/magento2-base version: 2.4.7-p3)
DEBUG: Running step: outer
INFO: Step "out" was skipped
INFO: works
DEBUG: echo from the shell
DEBUG: Step "outer" finished
DEBUG: Running step: no
INFO: Step "no" was skipped
DEBUG: Step "no" finished
DEBUG: Running step: late
INFO: works
DEBUG: Step "late" finished
INFO: Scenario(s) finished
`
	if diff := cmp.Diff(want, w.Log()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"step outer", "touch cmd", "step no", "step late", "step "}, w.Progress.Lines); diff != "" {
		t.Errorf("progress (-want +got)\n%s", diff)
	}
}

func TestFailureRunsTheActionsFirstAndThenTellsTheError(t *testing.T) {
	w, err := runScenario(t, `<step name="bad" type="Step\Fails" priority="1"/><step name="never" type="Step\Works" priority="2"/>
<onFail><action name="second" type="Works" priority="2"/><action name="first" skip="true" priority="1"/></onFail>`)
	if got := fault.ExitStatus(err); got != 15 || err.Error() != "compile broke" {
		t.Errorf("%v, status %d", err, got)
	}
	want := `DEBUG: Running step: bad
DEBUG: Running on fail action: first
INFO: Action "first" was skipped
DEBUG: On fail action "first" finished
DEBUG: Running on fail action: second
INFO: Works ran
DEBUG: On fail action "second" finished
ERROR: [15] compile broke
`
	if log := w.Log(); !strings.Contains(log, want) || strings.Contains(log, "never") || strings.Contains(log, "finished\nINFO: Scenario") {
		t.Errorf("%s", log)
	}
}

func TestAFailedActionStopsTheOthersAndKeepsTheError(t *testing.T) {
	w, err := runScenario(t, `<step name="bad" type="Step\FailsPlain" priority="1"/>
<onFail><action name="one" type="Breaks" priority="1"/><action name="two" type="Works" priority="2"/></onFail>`)
	if err == nil || err.Error() != "plain" || fault.ExitStatus(err) != 1 {
		t.Errorf("%v", err)
	}
	if log := w.Log(); !strings.Contains(log, "ERROR: action broke\nERROR: plain\n") || strings.Contains(log, "Works ran") {
		t.Errorf("%s", log)
	}
}

func TestCodesAbove255EndWith255(t *testing.T) {
	_, err := runScenario(t, `<step name="bad" type="Step\FailsHigh" priority="1"/>`)
	if got := fault.ExitStatus(err); got != 255 || fault.CodeOf(err) != 2028 {
		t.Errorf("status %d of %v", got, err)
	}
}

func TestAMistakeInTheScenarioRunsNothing(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"no step":         {`<step name="x" type="Works" priority="1"/>`, `Works is not instance of Magento\MagentoCloud\Step\StepInterface`},
		"no action":       {`<step name="w" type="Step\Works" priority="1"/><onFail><action name="x" type="Step\Works" priority="1"/></onFail>`, `Step\Works is not instance of Magento\MagentoCloud\OnFail\Action\ActionInterface`},
		"item kind":       {`<step name="x" type="Step\Outer" priority="1"><arguments><argument name="steps" xsi:type="array"><item name="i" xsi:type="const">Y</item></argument></arguments></step>`, `Unknown xsi:type "const" in step "x"`},
		"empty name":      {`<step name="x" type="Step\Outer" priority="1"><arguments><argument name="" xsi:type="string">Y</argument></arguments></step>`, `Empty parameter name in step "x"`},
		"empty class":     {`<step name="x" type="Step\Outer" priority="1"><arguments><argument name="steps" xsi:type="array"><item name="i" xsi:type="object"/></argument></arguments></step>`, `Class "" not found`},
		"shell":           {`<step name="x" type="shell" priority="1"/>`, `step "x" of type "shell" has no command`},
		"shell's timeout": {`<step name="x" type="shell" priority="1"><arguments><argument name="command" xsi:type="string">true</argument><argument name="timeout" xsi:type="string">soon</argument></arguments></step>`, `argument "timeout" must be an integer from 1 to 86400`},
		"shell's writes":  {`<step name="x" type="shell" priority="1"><arguments><argument name="command" xsi:type="string">true</argument><argument name="writes" xsi:type="string">maybe</argument></arguments></step>`, `argument "writes" must be "yes" or "no", not "maybe"`},
	} {
		t.Run(name, func(t *testing.T) {
			w, err := runScenario(t, `<step name="first" type="Step\Works" priority="0"/>`+c.body+`<onFail><action name="f" type="Works" priority="1"/></onFail>`)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v, want %s", err, c.want)
			}
			if _, ok := errors.AsType[*scenario.UnhandledError](err); !ok || fault.ExitStatus(err) != 1 {
				t.Errorf("%T", err)
			}
			if log := w.Log(); !strings.Contains(log, "ERROR: Unhandled error: ") || strings.Contains(log, "works") || strings.Contains(log, "Works ran") {
				t.Errorf("%s", log)
			}
		})
	}
}

func TestShellStep(t *testing.T) {
	body := `<step name="own" type="shell" priority="1"><arguments><argument name="command" xsi:type="string">make it</argument><argument name="timeout" xsi:type="string">30</argument><argument name="code" xsi:type="string">77</argument></arguments></step>`
	w := toolkittest.New(t, "-- a.xml --\n<scenario xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">"+body+"</scenario>\n")
	w.Shell.On("make it", func(c shell.Command) (shell.Result, error) {
		return shell.Result{Stdout: "one\ntwo", Code: 3}, &shell.Failure{Line: shell.Line(c), Output: "one\ntwo", Code: 3}
	})
	r := scenario.Runner{Kit: w.Kit, Registry: steps(), Files: scenario.Files{WorkDir: w.Dir, Root: w.Dir}}
	err := r.Run(t.Context(), "a.xml")
	if fault.ExitStatus(err) != 77 || err.Error() != "The command \"make it\" failed. one\ntwo" {
		t.Errorf("%v", err)
	}
	if log := w.LogAt(fault.Info); !strings.Contains(log, "INFO: one\nINFO: two\n") {
		t.Errorf("%s", log)
	}
}

// What only looks may run before requests are held.
func TestShellStepThatWritesNothing(t *testing.T) {
	for writes, want := range map[string]string{"no": "", "yes": "touch own", "": "touch own"} {
		argument := ""
		if writes != "" {
			argument = `<argument name="writes" xsi:type="string">` + writes + `</argument>`
		}
		w := toolkittest.New(t, "-- a.xml --\n<scenario xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><step name=\"own\" type=\"shell\" priority=\"1\"><arguments>"+
			`<argument name="command" xsi:type="string">look</argument>`+argument+"</arguments></step></scenario>\n")
		r := scenario.Runner{Kit: w.Kit, Registry: steps(), Files: scenario.Files{WorkDir: w.Dir, Root: w.Dir}}
		if err := r.Run(t.Context(), "a.xml"); err != nil {
			t.Fatal(err)
		}
		reported := ""
		for _, line := range w.Progress.Lines {
			if strings.HasPrefix(line, "touch") {
				reported = strings.TrimSpace(reported + " " + line)
			}
		}
		if reported != want {
			t.Errorf("writes=%q: %q, want %q", writes, reported, want)
		}
	}
}

func TestCancelledBetweenSteps(t *testing.T) {
	w := toolkittest.New(t, "-- a.xml --\n<scenario><step name=\"a\" type=\"Step\\Works\" priority=\"1\"/><onFail><action name=\"f\" type=\"Works\" priority=\"1\"/></onFail></scenario>\n")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the platform ended it"))
	r := scenario.Runner{Kit: w.Kit, Registry: steps(), Files: scenario.Files{WorkDir: w.Dir, Root: w.Dir}}
	if err := r.Run(ctx, "a.xml"); err == nil || err.Error() != "the platform ended it" {
		t.Errorf("%v", err)
	}
	if log := w.Log(); !strings.Contains(log, "Works ran") || strings.Contains(log, "INFO: works") {
		t.Errorf("%s", log)
	}
}
