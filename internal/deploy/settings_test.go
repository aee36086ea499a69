package deploy_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/platform"
)

func TestSettingsApplyAtOnceAndToTheEnvironmentsBelow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push(shop())
	main := w.env()
	if got := w.gate.settings[main.ID()]; got.RestrictRobots || got.Access.Restricts() {
		t.Errorf("production from the start: %+v", got)
	}
	child, err := w.store.SaveEnvironment(t.Context(), platform.Environment{
		Project: "shop", Name: "stage", MachineName: "stage-1234567", Parent: "main", Type: platform.Staging, Release: "r1",
	})
	if err != nil {
		t.Fatal(err)
	}
	s := w.service(nil)
	change := platform.EnvironmentChange{HTTPAccess: &platform.HTTPAccessChange{
		Addresses: &[]platform.AddressRule{{Permission: platform.Deny, Address: "any"}},
		Passwords: &map[string]string{"ann": "secret"},
	}}
	env, err := s.ChangeEnvironment(t.Context(), "shop", "main", change)
	if err != nil {
		t.Fatal(err)
	}
	if hash := env.Settings.HTTPAccess.Users["ann"]; strings.Contains(hash, "secret") || !platform.VerifyPassword(hash, "secret") {
		t.Errorf("stored %q", hash)
	}
	for _, id := range []platform.EnvironmentID{main.ID(), child.ID()} {
		if got := w.gate.settings[id]; !got.Access.Restricts() || got.Access.Users["ann"] == "" {
			t.Errorf("%s: %+v", id, got)
		}
	}
	if !w.gate.settings[child.ID()].RestrictRobots {
		t.Error("search engines may index a preview")
	}

	own := platform.EnvironmentChange{RestrictRobots: new(false), HTTPAccess: &platform.HTTPAccessChange{Enabled: new(false)}}
	if _, err := s.ChangeEnvironment(t.Context(), "shop", "stage", own); err != nil {
		t.Fatal(err)
	}
	if got := w.gate.settings[child.ID()]; got.RestrictRobots || got.Access.Restricts() {
		t.Errorf("the child's own settings: %+v", got)
	}
	if got := w.gate.settings[main.ID()]; !got.Access.Restricts() {
		t.Errorf("the parent after the child's change: %+v", got)
	}
	keep := platform.EnvironmentChange{HTTPAccess: &platform.HTTPAccessChange{Passwords: &map[string]string{"ann": ""}}}
	if env, err = s.ChangeEnvironment(t.Context(), "shop", "main", keep); err != nil || !platform.VerifyPassword(env.Settings.HTTPAccess.Users["ann"], "secret") {
		t.Errorf("an empty password did not keep the one there is: %v", err)
	}
}

func TestSettingsThatCannotBeCarriedOutChangeNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push(shop())
	before := w.env()
	s := w.service(nil)
	for name, change := range map[string]platform.EnvironmentChange{
		"wait":     {HoldWait: new(2 * time.Hour)},
		"requests": {HoldRequests: new(-1)},
		"bypass":   {Bypass: &[]string{"nowhere"}},
		"address":  {HTTPAccess: &platform.HTTPAccessChange{Addresses: &[]platform.AddressRule{{Permission: "allow", Address: "10.0.0.0/99"}}}},
		"rule":     {HTTPAccess: &platform.HTTPAccessChange{Addresses: &[]platform.AddressRule{{Permission: "maybe", Address: "any"}}}},
		"password": {HTTPAccess: &platform.HTTPAccessChange{Passwords: &map[string]string{"ann": "short"}}},
		"user":     {HTTPAccess: &platform.HTTPAccessChange{Passwords: &map[string]string{"a:b": "secret"}}},
		"nobody":   {HTTPAccess: &platform.HTTPAccessChange{Passwords: &map[string]string{"new": ""}}},
	} {
		if _, err := s.ChangeEnvironment(t.Context(), "shop", "main", change); platform.ErrorCode(err) != platform.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := w.env(); !after.UpdatedAt.Equal(before.UpdatedAt) || after.Settings.HTTPAccess != nil {
		t.Errorf("changed: %+v", after)
	}
	w.gate.fail["configure"] = errors.New("no router")
	if _, err := s.ChangeEnvironment(t.Context(), "shop", "main", platform.EnvironmentChange{RestrictRobots: new(true)}); platform.ErrorCode(err) != platform.CodeUnavailable {
		t.Errorf("without a router: %v", err)
	}
	if got := w.env().Settings.RestrictRobots; got == nil || !*got {
		t.Error("the change was lost with the router")
	}
}

func TestHoldLimitsOfTheEnvironmentAndOfOneDeployment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push(shop())
	s := w.service(nil)
	change := platform.EnvironmentChange{HoldWait: new(time.Minute), HoldRequests: new(500)}
	if _, err := s.ChangeEnvironment(t.Context(), "shop", "main", change); err != nil {
		t.Fatal(err)
	}
	w.push(shop("pub/index.php", "<?php // 2"))
	if got := w.gate.limits; got.MaxWait != time.Minute || got.MaxRequests != 500 {
		t.Errorf("%+v", got)
	}
	deploy := func(holdMax string) string {
		var out bytes.Buffer
		s := w.service(nil)
		w.run(s, func() {
			if err := w.receive(s, shop("pub/index.php", "<?php // "+holdMax), map[string]string{"deploy.hold_max": holdMax}, &out); err != nil {
				t.Fatal(err)
			}
		})
		return out.String()
	}
	deploy("20s")
	if got := w.gate.limits; got.MaxWait != 20*time.Second || got.MaxRequests != 500 {
		t.Errorf("%+v", got)
	}
	if out := deploy("soon"); w.gate.limits.MaxWait != time.Minute || !strings.Contains(out, "W: deploy.hold_max=soon is not a time") {
		t.Errorf("%+v\n%s", w.gate.limits, out)
	}
}

func TestNewReleaseIsOfferedAndBringsItsMaintenancePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push(shop(".magento/maintenance.html", "<h1>Back soon</h1>"))
	if w.gate.page != "<h1>Back soon</h1>" || len(w.gate.offers) != 0 {
		t.Errorf("page %q, offered %q", w.gate.page, w.gate.offers)
	}
	w.push(shop(".magento/maintenance.html", "<h1>Second</h1>"))
	if w.gate.page != "<h1>Second</h1>" || !slices.Equal(w.gate.offers, []string{"r2"}) || w.gate.offered != "" {
		t.Errorf("page %q, offered %q", w.gate.page, w.gate.offers)
	}
	out, a := w.push(shop(".magento/maintenance.html", strings.Repeat("x", platform.MaxMaintenancePage+1)))
	if a.Result != platform.ResultSuccess || w.gate.page != "" || !strings.Contains(out, "W: .magento/maintenance.html has 65537 bytes") {
		t.Errorf("page %.20q\n%s", w.gate.page, out)
	}
	w.gate.fail["offer"] = errors.New("no room")
	if _, a := w.push(shop("pub/index.php", "<?php // 4")); a.Result != platform.ResultSuccess {
		t.Errorf("an offer that failed cost the deployment: %s", a.Reason)
	}
}

func TestBypassLinkIsOfThePrimaryRoute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.service(nil)
	w.push(shop())
	link, _, err := s.Bypass(t.Context(), "shop", "main", time.Hour)
	if err != nil || link != "http://main-shop.localhost:8080/bypass?token=t" {
		t.Errorf("%q %v", link, err)
	}
}
