package deploy_test

import (
	"slices"
	"strings"
	"testing"

	"sluice/internal/deploy"
	"sluice/internal/manifest"
	"sluice/internal/plan"
	"sluice/internal/platform"
	"sluice/internal/topology"
)

// planned asks what a push of files to an environment would do.
func (w *world) planned(env string, files, options map[string]string) plan.Plan {
	w.t.Helper()
	req := deploy.PlanRequest{Project: "shop", Environment: env, Files: map[string][]byte{}, Options: options}
	for name, content := range files {
		if strings.HasPrefix(name, ".magento") {
			req.Files[name] = []byte(content)
		}
	}
	tree := fakeTree{w.source.commits[w.source.commit(files)]}
	digest, err := tree.Digest(".", topology.ConfigFiles())
	if err != nil {
		w.t.Fatal(err)
	}
	req.Sources = map[string]string{"mymagento": digest}
	p, err := w.service(nil).Plan(w.t.Context(), req)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func TestPlanOfTheSameTree(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if p := w.planned("main", shop(), nil); !p.First || p.Verdict != plan.Deployed || p.Applications[0].Slug != plan.SlugBuilt {
		t.Errorf("first plan: %+v", p)
	}
	w.push(shop())
	w.push(shop("pub/index.php", "<?php // 2"))
	before := w.last()
	p := w.planned("main", shop("pub/index.php", "<?php // 2"), nil)
	if app := p.Applications[0]; p.First || app.Slug != plan.SlugReused || len(app.Reasons) > 0 {
		t.Errorf("application: %+v", app)
	}
	if s := p.Services[0]; s.Action != plan.Keep {
		t.Errorf("service: %+v", s)
	}
	if p.Release != "r2" || p.Hold.Deployments != 1 && p.Hold.Note == "" {
		t.Errorf("release %q, hold %+v", p.Release, p.Hold)
	}
	if p := w.planned("main", shop(), nil); p.Applications[0].Slug != plan.SlugReused {
		t.Errorf("a slug of an earlier release: %+v", p.Applications[0])
	}
	if after := w.last(); after.ID != before.ID || w.gate.State() != "open r2" {
		t.Errorf("a plan did something: %+v, %s", after, w.gate.State())
	}
}

func TestPlanOfChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push(shop())
	files := shop("pub/index.php", "<?php // other", ".magento/services.yaml", "mysql:\n    type: mysql:11.4\n    disk: 1024\n")
	files[".magento.app.yaml"] = strings.Replace(files[".magento.app.yaml"], "echo built", "echo done", 1)
	p := w.planned("main", files, nil)
	if want := []string{"build hook", "source tree"}; !slices.Equal(p.Applications[0].Reasons, want) {
		t.Errorf("reasons: %v, want %v", p.Applications[0].Reasons, want)
	}
	if s := p.Services[0]; s.Action != plan.Replace {
		t.Errorf("service: %+v", s)
	}
	// What the plan says is what the push does.
	out, _ := w.push(files)
	if !strings.Contains(out, "Rebuilding because of: build hook, source tree\n") {
		t.Errorf("the push says:\n%s", out)
	}
}

func TestPlanOfDataLoss(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push(shop())
	files := shop(".magento/services.yaml", "db:\n    type: mysql:10.11\n    disk: 1024\n")
	files[".magento.app.yaml"] = strings.Replace(files[".magento.app.yaml"], "mysql:mysql", "db:mysql", 1)
	if p := w.planned("main", files, nil); p.Verdict != plan.Refused || p.Findings[0].Rule != "service-removed" {
		t.Errorf("verdict %s, findings %v", p.Verdict, p.Findings)
	}
	name, value, _ := strings.Cut(manifest.AcceptDataLoss, "=")
	if p := w.planned("main", files, map[string]string{name: value}); p.Verdict != plan.Deployed {
		t.Errorf("acknowledged: verdict %s, findings %v", p.Verdict, p.Findings)
	}
	files[".magento.app.yaml"] += "wrong: 1\n"
	if p := w.planned("main", files, nil); p.Verdict != plan.Refused || len(p.Steps) > 0 {
		t.Errorf("with a mistake: %+v", p)
	}
}

func TestPlanOfANewBranch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if p := w.planned("feature", shop(), nil); p.Verdict != plan.Stored || !p.First {
		t.Errorf("got %+v", p)
	}
	_, err := w.service(nil).Plan(t.Context(), deploy.PlanRequest{Project: "shop", Environment: "main", Files: map[string][]byte{"../x": nil}})
	if platform.ErrorCode(err) != platform.CodeInvalid {
		t.Errorf("path outside: %v", err)
	}
	if _, err := w.service(nil).Plan(t.Context(), deploy.PlanRequest{Project: "nope"}); platform.ErrorCode(err) != platform.CodeNotFound {
		t.Errorf("unknown project: %v", err)
	}
}
