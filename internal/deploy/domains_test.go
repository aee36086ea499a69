package deploy_test

import (
	"slices"
	"testing"

	"sluice/internal/platform"
)

func TestDomainsOfTheProjectAreRouted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.store.AddDomain(t.Context(), platform.Domain{Project: "shop", Name: "www.example.test"}); err != nil {
		t.Fatal(err)
	}
	w.push(shop())
	release, err := w.store.Release(t.Context(), "shop", "main", w.env().Release)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(release.Routes, func(r platform.Route) bool { return r.URL == "http://www.example.test:8080/" }) {
		t.Errorf("routes %+v", release.Routes)
	}
}
