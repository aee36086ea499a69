package validate_test

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"strings"
	"testing"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/scenario"
	"sluice/internal/toolkit/services"
	"sluice/internal/toolkit/toolkittest"
	"sluice/internal/toolkit/validate"
)

// lock is composer.lock with Magento in a version.
func lock(magento string, more ...string) string {
	var b strings.Builder
	b.WriteString("-- composer.lock --\n" + `{"packages": [{"name": "magento/magento2-base", "version": "` + magento + `", "require": {"php": "~8.1.0||~8.2.0"}}`)
	for i := 0; i < len(more); i += 2 {
		b.WriteString(`, {"name": "` + more[i] + `", "version": "` + more[i+1] + `"}`)
	}
	return b.String() + "]}\n"
}

// one is an endpoint list as relationships have it.
func one(pairs ...any) *phparray.Array { return phparray.List(phparray.Map(pairs...)) }

// fakeFacts answers what validators ask of the environment.
type fakeFacts struct {
	installed bool
	broken    error
	engine    string
	resources map[string]string
	versions  map[string]string
	database  string
}

func (f fakeFacts) facts() validate.Facts {
	return validate.Facts{
		Installed: func(context.Context, *kit.Kit) (bool, error) { return f.installed, f.broken },
		Engine:    func(context.Context, *kit.Kit) (string, error) { return f.engine, nil },
		Resources: func(context.Context, *kit.Kit) (map[string]string, error) { return f.resources, nil },
		Services:  f,
	}
}

func (f fakeFacts) Version(_ context.Context, _ *kit.Kit, service string) (string, error) {
	if f.versions[service] == "refused" {
		return "", errors.New(service + ": connection refused")
	}
	return cmp.Or(f.versions[service], services.Undetected), nil
}

func (f fakeFacts) Database(context.Context, *kit.Kit) (string, error) { return f.database, nil }

// testCase is a validator in an environment and what it finds.
type testCase struct {
	name    string
	class   string // without Validator\
	tree    string
	given   map[string]any // stage variables beside the defaults
	env     map[string]string
	cloud   *phparray.Array // variables of the environment
	rels    *phparray.Array
	app     *phparray.Array
	branch  string
	kind    string // type of the environment
	facts   fakeFacts
	prepare func(*toolkittest.World)
	code    int    // of the finding
	want    string // its message; "" for none
	also    string // part of its suggestion
}

func defaults() map[string]any {
	return map[string]any{
		"DEPLOYED_MAGENTO_VERSION_FROM_GIT": "", "SCD_ON_DEMAND": false, "SKIP_SCD": false, "SKIP_HTML_MINIFICATION": true,
		"SCD_STRATEGY": "", "SCD_MAX_EXECUTION_TIME": nil, "SPLIT_DB": phparray.New(),
		"DATABASE_CONFIGURATION": phparray.New(), "SEARCH_CONFIGURATION": phparray.New(), "SESSION_CONFIGURATION": phparray.New(),
	}
}

func (c testCase) world(t *testing.T) *toolkittest.World {
	t.Helper()
	w := toolkittest.New(t, c.tree)
	w.Variables = defaults()
	maps.Copy(w.Variables, c.given)
	maps.Copy(w.Env, c.env)
	p := w.Kit.Platform
	for _, set := range []struct {
		to   **phparray.Array
		from *phparray.Array
	}{
		{&p.Variables, c.cloud}, {&p.Relationships, c.rels}, {&p.Application, c.app},
	} {
		if set.from != nil {
			*set.to = set.from
		}
	}
	p.Branch, p.Type = c.branch, c.kind
	if c.prepare != nil {
		c.prepare(w)
	}
	return w
}

func TestValidators(t *testing.T) {
	for _, c := range cases() {
		t.Run(c.class+"/"+c.name, func(t *testing.T) {
			w := c.world(t)
			f := validateOne(t, w, c)
			if f == nil {
				f = &fault.Fault{}
			}
			message := f.Message
			if message != c.want || f.Code != c.code {
				t.Errorf("got [%d] %q\nwant [%d] %q", f.Code, message, c.code, c.want)
			}
			if !strings.Contains(f.Suggestion, c.also) {
				t.Errorf("the suggestion lacks %q:\n%s", c.also, f.Suggestion)
			}
			if c.want != "" && c.code != 0 && f.Suggestion == "" {
				t.Error("nothing says how to fix it")
			}
		})
	}
}

func validateOne(t *testing.T, w *toolkittest.World, c testCase) *fault.Fault {
	t.Helper()
	var r scenario.Registry
	validate.Register(&r, c.facts.facts())
	name := `Magento\MagentoCloud\Validator\` + c.class
	if strings.HasPrefix(c.class, "Service") {
		name = c.class // a service id
	}
	factory, ok := r.Lookup(name)
	if !ok {
		t.Fatalf("%s is not registered", name)
	}
	made, err := factory(w.Kit, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := made.(kit.Validator).Validate(t.Context()) //nolint:errcheck,forcetypeassert // the test ends where it is none
	if err != nil {
		t.Fatal(err)
	}
	return f
}
