package composer_test

import (
	"testing"

	"sluice/internal/composer"
)

func parse(t *testing.T, text string) composer.Version {
	t.Helper()
	v, err := composer.ParseVersion(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestNormalised(t *testing.T) {
	for text, want := range map[string]string{
		"2.4.6": "2.4.6.0", "v2.4": "2.4.0.0", "2.4.3-p2": "2.4.3.0-patch2", "2.4.6-beta1": "2.4.6.0-beta1",
		"2.4.7-p3": "2.4.7.0-patch3", "1.2.3.4": "1.2.3.4", "2.4.8-alpha": "2.4.8.0-alpha", "3.0.0-RC2": "3.0.0.0-RC2",
		"2.4.3.0-patch2": "2.4.3.0-patch2", "dev-main": "dev-main", "2.4.6-stable": "2.4.6.0", "1.0.0+build.5": "1.0.0.0",
	} {
		if got := parse(t, text).String(); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"", "x", "1.2.3.4.5", "2.4.x-dev", "1..2", "99999999999"} {
		if v, err := composer.ParseVersion(text); err == nil {
			t.Errorf("%q is %s", text, v)
		}
	}
}

func TestOrder(t *testing.T) {
	order := []string{"dev-main", "2.4.3-dev", "2.4.3-alpha1", "2.4.3-beta1", "2.4.3-beta2", "2.4.3-RC1", "2.4.3", "2.4.3-p1", "2.4.3-p2", "2.4.3-p10", "2.4.3.1", "2.4.4", "2.10.0"}
	for i, a := range order {
		for j, b := range order {
			want := 0
			switch {
			case i < j:
				want = -1
			case i > j:
				want = 1
			}
			if got := parse(t, a).Compare(parse(t, b)); got != want {
				t.Errorf("%s to %s is %d, want %d", a, b, got, want)
			}
		}
	}
}

// The rows are what Composer's own semver answers.
func TestSatisfies(t *testing.T) {
	for _, c := range []struct {
		version, constraint string
		want                bool
	}{
		{"2.4.3-p2", ">=2.3.7-p3 <2.4.0 || >=2.4.3-p2", true},
		{"2.4.3-p1", ">=2.3.7-p3 <2.4.0 || >=2.4.3-p2", false},
		{"2.3.7-p3", ">=2.3.7-p3 <2.4.0 || >=2.4.3-p2", true},
		{"2.3.7-p4", "~2.3.7-p4", true},
		{"2.3.8", "~2.3.7-p4", true},
		{"2.3.7-p3", "~2.3.7-p4", false},
		{"2.4.0", "~2.3.7-p4", false},
		{"2.4.0-beta1", ">=2.4.0", true},
		{"2.4.4-beta1", ">=2.4.0 <2.4.4", false},
		{"2.4.3-p3", ">=2.4.0, <2.4.4", true},
		{"2.4.0", ">2.4.0", false},
		{"2.4.0-p1", ">2.4.0", true},
		{"2.4.0", "<=2.4.0", true},
		{"2.4.0-p1", "<=2.4.0", false},
		{"10.6.12", ">=10.6 <10.7", true},
		{"10.7.0", ">=10.6 <10.7", false},
		{"7.10.2", "~7.10.0", true},
		{"7.11.0", "~7.10.0", false},
		{"5.7.40", "~5.6.0 || ~5.7.0", true},
		{"2.5.0", "^2", true},
		{"3.0.0", "^2", false},
		{"1.2.4", "1.2.*", true},
		{"1.3.0", "1.2.*", false},
		{"1.3.0", "1.2.x | 1.3.*", true},
		{"0.3.1", "^0.3", true},
		{"0.4.0", "^0.3", false},
		{"0.0.3", "^0.0.3", true},
		{"0.0.4", "^0.0.3", false},
		{"2.4.6", "*", true},
		{"dev-main", "*", true},
		{"dev-main", ">=1.0", false},
		{"2.1.9", "2.1.*", true},
		{"1.5.0", "1.0 - 2.0", true},
		{"2.0.9", "1.0 - 2.0", true},
		{"2.1.0", "1.0 - 2.0", false},
		{"2.0.1", "1.0.0 - 2.0.0", false},
		{"2.4.6", "2.4.6", true},
		{"2.4.6", "!=2.4.6", false},
		{"2.4.5", "<>2.4.6", true},
		{"2.4.6", ">= 2.4.6", true},
		{"2.4.6", "^2.4@stable", true},
		{"6.2.0", "~6", true},
	} {
		if got := parse(t, c.version).Satisfies(c.constraint); got != c.want {
			t.Errorf("%s within %q is %t", c.version, c.constraint, got)
		}
	}
}

func TestConstraintsThatAreNotUnderstood(t *testing.T) {
	for _, text := range []string{"", "||", ">=", "abc", ">=1 ||", "1.2.3.4.5"} {
		if _, err := composer.ParseConstraint(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func FuzzConstraint(f *testing.F) {
	f.Add(">=2.3.7-p3 <2.4.0 || >=2.4.3-p2", "2.4.3-p2")
	f.Add("1.0 - 2", "1")
	f.Add("~1.2.*", "dev-x")
	f.Fuzz(func(t *testing.T, constraint, version string) {
		v, err := composer.ParseVersion(version)
		if err == nil {
			if again, err := composer.ParseVersion(v.String()); err != nil || again != v {
				t.Errorf("%q is %s, which is %s, %v", version, v, again, err)
			}
		}
		c, err := composer.ParseConstraint(constraint)
		if err == nil {
			c.Allows(v)
		}
	})
}
