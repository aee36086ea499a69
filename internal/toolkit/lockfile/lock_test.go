package lockfile_test

import (
	"testing"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/lockfile"
)

func TestLock(t *testing.T) {
	l, err := lockfile.Parse([]byte(`{"packages": [{"name": "magento/magento2-base", "version": "2.4.7-p3", "require": {"php": "~8.2"}}], "packages-dev": [{"name": "dev/one", "version": "1.0"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := l.Find("magento/magento2-base"); !ok || p.Version != "2.4.7-p3" || p.Require["php"] != "~8.2" {
		t.Errorf("%+v", p)
	}
	if !l.Has("dev/one") || len(l.All()) != 2 {
		t.Errorf("%+v", l.All())
	}
	if _, err := l.Get("a/b"); fault.CodeOf(err) != 25 || err.Error() != "Package a/b:* was not found" {
		t.Errorf("%v", err)
	}
	if _, err := lockfile.Parse([]byte(`{"packages": [], "packages-dev": null}`)); err != nil {
		t.Errorf("%v", err)
	}
	if _, err := lockfile.Parse([]byte(`{`)); err == nil {
		t.Error("half a file is accepted")
	}
}
