package deploy

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/platform"
)

// update writes testdata/stored.json. A field may be added to it. One that goes or changes its
// name breaks every release that is stored: keep the name with a tag, or read both.
var update = flag.Bool("update", false, "write testdata")

// fill sets every field that v has to something that is not zero.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for _, field := range v.Fields() {
			if field.CanSet() {
				fill(field)
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Interface: // what a file says
		v.Set(reflect.ValueOf("text"))
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(time.Second))
	case reflect.Uint32:
		v.SetUint(0o644)
	case reflect.Float64:
		v.SetFloat(0.5)
	default:
		panic("no value for a " + v.Kind().String())
	}
}

func TestStoredReleasesKeepTheirFormat(t *testing.T) {
	var full storedRelease
	fill(reflect.ValueOf(&full).Elem())
	full.Version = storedVersion
	var r platform.Release
	if err := full.write(&r); err != nil {
		t.Fatal(err)
	}
	got, err := readRelease(r)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(full, got); diff != "" {
		t.Errorf("a field is lost (-written +read):\n%s", diff)
	}
	golden := filepath.Join("testdata", "stored.json")
	text, err := json.MarshalIndent(full, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(golden, append(text, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(text)+"\n"); diff != "" {
		t.Errorf("the format differs from %s (-want +got); see the flag update:\n%s", golden, diff)
	}
}

func TestStoredReleasesOfOtherVersions(t *testing.T) {
	for name, tt := range map[string]struct {
		spec, release string
		code          platform.Code
	}{
		"without a version": {`{"Spec":{"Release":"r1"},"PostDeploy":["app"]}`, "r1", ""},
		"with fields of a later program that this one can do without": {`{"Version":1,"Spec":{"Release":"r2"},"Later":[1]}`, "r2", ""},
		"of a later format": {`{"Version":2,"Spec":"another shape"}`, "", platform.CodeConflict},
		"damaged":           {`{"Version":1,"Spec":{`, "", platform.CodeInternal},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readRelease(platform.Release{ID: "r7", Env: "main", Spec: json.RawMessage(tt.spec)})
			if platform.ErrorCode(err) != tt.code {
				t.Fatalf("error %v, want code %q", err, tt.code)
			}
			if got.Spec.Release != tt.release {
				t.Errorf("release %q, want %q", got.Spec.Release, tt.release)
			}
			if tt.code == platform.CodeConflict && (!strings.Contains(err.Error(), "later version of sluiced") || platform.ErrorHint(err) == "") {
				t.Errorf("error %v with hint %q", err, platform.ErrorHint(err))
			}
		})
	}
}

func TestEveryStepOfTheTableHasAnAction(t *testing.T) {
	d := &deployment{s: &Service{}}
	for _, step := range (&Service{}).deploymentKind(nil).Steps {
		if d.action(step.Name) == nil {
			t.Errorf("step %s does nothing", step.Name)
		}
		if step.Phase == "" {
			t.Errorf("step %s is in no phase", step.Name)
		}
	}
}
