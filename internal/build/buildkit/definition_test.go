package buildkit

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/build"
	"sluice/internal/platform"
)

func TestDefinitionHoldsNoVariable(t *testing.T) {
	req := build.Request{
		Project: "p", App: "app", Base: build.Image{Ref: "base"}, Key: build.Key{}.With("tree", "1"),
		Steps: []build.Step{{Name: "hook", Script: "echo the script"}},
		Env:   map[string]string{"TOKEN": "s3cret"},
	}
	def, err := slugState(req, imageConfig{}, "session", true).Marshal(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := string(bytes.Join(def.Def, nil))
	if strings.Contains(all, "s3cret") || strings.Contains(all, "TOKEN") {
		t.Error("a variable of the build is in the definition")
	}
	for _, want := range []string{"echo the script", req.Key.Sum(), "sluice/cache/p/app"} {
		if !strings.Contains(all, want) {
			t.Errorf("the definition has no %q", want)
		}
	}
}

func TestSecretFileSurvivesTheShell(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell")
	}
	want := "it's `id` $HOME \"x\" \\ \n second line'"
	file := filepath.Join(t.TempDir(), "env")
	content, err := secretFile("mark", map[string]string{"VALUE": want, "EMPTY": ""})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), shell, "-c", `. "$1"; printf %s "$VALUE"`, "sh", file).Output()
	if err != nil || string(out) != want {
		t.Errorf("the shell read %q, %v; want %q", out, err, want)
	}
}

func TestSecretFileRefuses(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"a name that is a command": {"A=1;id;B": "x"},
		"an empty name":            {"": "x"},
		"a zero byte":              {"A": "x\x00y"},
		"too much":                 {"A": strings.Repeat("x", 600<<10)},
	} {
		if _, err := secretFile("mark", env); platform.ErrorCode(err) != platform.CodeInvalid {
			t.Errorf("%s: %v, want an invalid error", name, err)
		}
	}
}

func TestPathsOutsideTheAppAreRefused(t *testing.T) {
	for _, p := range []string{"", ".", "..", "../x", "/etc", "a/../../b", "a//b", "a/", "a\nb"} {
		for _, req := range []build.Request{{Exclude: []string{p}}, {Mounts: []string{p}}} {
			if err := checkPaths(req); platform.ErrorCode(err) != platform.CodeInvalid {
				t.Errorf("checkPaths(%q) = %v, want an invalid error", p, err)
			}
		}
	}
	if err := checkPaths(build.Request{Exclude: []string{".magento"}, Mounts: []string{"var", "pub/media", "..a"}}); err != nil {
		t.Errorf("checkPaths = %v", err)
	}
}

func TestSlugRefNeverCollides(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"app", "App", "APP", "my_app", "my__app", "my.app", "my app", "-app", "äpp", "öpp", "___"} {
		ref := slugRef("shop", name, build.Key{})
		if other, ok := seen[ref]; ok {
			t.Errorf("%q and %q have the reference %s", name, other, ref)
		}
		seen[ref] = name
		if component := strings.Split(strings.Split(ref, ":")[0], "/")[2]; !validComponent.MatchString(component) {
			t.Errorf("%q gives the invalid reference %s", name, ref)
		}
	}
}

func TestSlugConfigKeepsTheBase(t *testing.T) {
	var base imageConfig
	const raw = `{"architecture":"amd64","os":"linux","rootfs":{"type":"layers"},"config":{"Env":["PATH=/bin"],"Cmd":["x"],"Labels":{"a":"b"}}}`
	if err := json.Unmarshal([]byte(raw), &base); err != nil {
		t.Fatal(err)
	}
	out, err := base.slugConfig(build.Request{Project: "p", App: "app", TreeID: "t", Env: map[string]string{"TOKEN": "s3cret"}})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"architecture": "amd64", "os": "linux", "rootfs": map[string]any{"type": "layers"},
		"config": map[string]any{
			"Env": []any{"PATH=/bin"}, "Cmd": []any{"x"}, "User": "1000:1000", "WorkingDir": "/app",
			"Labels": map[string]any{
				"a": "b", "sluice.project": "p", "sluice.app": "app", "sluice.tree": "t", "sluice.key": build.Key{}.Sum(),
			},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
	for _, none := range []string{`{}`, `{"config":null}`} {
		var c imageConfig
		if err := json.Unmarshal([]byte(none), &c); err != nil {
			t.Fatal(err)
		}
		if _, err := c.slugConfig(build.Request{}); err != nil || c.env() != nil {
			t.Errorf("an image with the configuration %s: %v", none, err)
		}
	}
}

func TestArchiveDependsOnContentAlone(t *testing.T) {
	pack := func(content string, modified time.Time) (archive []byte, headers map[string]*tar.Header) {
		t.Helper()
		dir := t.TempDir()
		for name, text := range map[string]string{"index.php": content, "lib/a.php": "a", ".git": "gitdir: x"} {
			file := filepath.Join(dir, name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o750), os.WriteFile(file, []byte(text), 0o640), os.Chtimes(file, modified, modified)); err != nil {
				t.Fatal(err)
			}
		}
		tree, err := openTree(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tree.Close() }()
		r, err := tree.Open(archiveName)
		if err != nil {
			t.Fatal(err)
		}
		archive, err = io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		headers = map[string]*tar.Header{}
		for tr := tar.NewReader(bytes.NewReader(archive)); ; {
			h, err := tr.Next()
			if errors.Is(err, io.EOF) {
				return archive, headers
			}
			if err != nil {
				t.Fatal(err)
			}
			headers[h.Name] = h
		}
	}
	first, headers := pack("one", time.Unix(1, 0))
	same, _ := pack("one", time.Now())
	other, changed := pack("two", time.Unix(1, 0))
	if !bytes.Equal(first, same) || bytes.Equal(first, other) {
		t.Error("the archive depends on more, or on less, than the content of the files")
	}
	if headers["index.php"].ModTime.Equal(changed["index.php"].ModTime) || !headers["lib/a.php"].ModTime.Equal(changed["lib/a.php"].ModTime) {
		t.Error("the time of a file does not follow its content")
	}
	if headers[".git"] != nil || headers["index.php"].Mode != 0o640 || len(headers) != 3 {
		t.Errorf("the archive holds %v", headers)
	}
}
