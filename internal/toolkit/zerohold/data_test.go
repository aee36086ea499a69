package zerohold

import (
	"context"
	"errors"
	"strings"
	"testing"

	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/toolkittest"
)

// upgraded is a database with rows of its own for the queries that begin like a text.
type upgraded struct {
	*store
	rows map[string][]*phparray.Array
}

func (u upgraded) Rows(ctx context.Context, query string, args ...any) ([]*phparray.Array, error) {
	for begins, rows := range u.rows {
		if strings.HasPrefix(query, begins) && u.err == nil {
			return rows, nil
		}
	}
	return u.store.Rows(ctx, query, args...)
}

func digestOf(t *testing.T, db kit.Database) (string, error) {
	t.Helper()
	w := toolkittest.New(t, "")
	w.Databases["default"] = db
	return DataDigest(t.Context(), w.Kit)
}

// TestDataDigest changes what a database was upgraded to, one thing at a time.
func TestDataDigest(t *testing.T) {
	shop := func() upgraded {
		return upgraded{&store{installed: true, data: `{"modules":"m","schema":"s","patches":"p"}`}, map[string][]*phparray.Array{
			"SELECT module": {phparray.Map("module", "Acme_Shop", "schema_version", "1.0.0", "data_version", "1.0.0")},
			"SELECT patch":  {phparray.Map("patch_name", `Acme\Shop\Setup\Patch\Data\One`)},
		}}
	}
	before, err := digestOf(t, shop())
	if err != nil || before == "" {
		t.Fatalf("%q, %v", before, err)
	}
	for name, tt := range map[string]struct {
		change func(upgraded)
		same   bool
	}{
		"nothing":      {func(upgraded) {}, true},
		"a patch file": {func(u upgraded) { u.data = strings.Replace(u.data, `"p"`, `"p2"`, 1) }, true}, // not applied again
		"the schema":   {func(u upgraded) { u.data = strings.Replace(u.data, `"s"`, `"s2"`, 1) }, false},
		"the modules":  {func(u upgraded) { u.data = strings.Replace(u.data, `"m"`, `"m2"`, 1) }, false},
		"a new patch": {func(u upgraded) {
			u.rows["SELECT patch"] = append(u.rows["SELECT patch"], phparray.Map("patch_name", "Two"))
		}, false},
		"a new version": {func(u upgraded) { u.rows["SELECT module"][0].Set("data_version", "1.0.1") }, false},
	} {
		db := shop()
		tt.change(db)
		if after, err := digestOf(t, db); err != nil || (after == before) != tt.same {
			t.Errorf("%s: same is %t, want %t: %v", name, after == before, tt.same, err)
		}
	}
}

func TestDataDigestOfWhatIsNotKnown(t *testing.T) {
	for name, db := range map[string]*store{
		"not installed":  {},
		"never recorded": {installed: true},
	} {
		if digest, err := digestOf(t, db); digest != "" || err != nil {
			t.Errorf("%s: %q, %v", name, digest, err)
		}
	}
	if _, err := digestOf(t, &store{err: errors.New("gone")}); err == nil {
		t.Error("no error of a database that is gone")
	}
}
