package docker

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/engine"
)

func TestSourceNames(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, source := range []string{
		"", ".", "..", ".cache", "%2E", "%2Ecache", "var", "var/log", "var%2Flog", "pub/media", "a b/ü", "@shop", "~", "-rf",
	} {
		source = cleanSource(source)
		name := sourceName(source)
		if strings.Contains(name, "/") || name == "" || name[0] == '.' {
			t.Errorf("%q has the name %q, want one directory that is not hidden", source, name)
		}
		if got, ok := sourceOf(name); got != source || !ok {
			t.Errorf("%q has the name %q, which means %q, %t", source, name, got, ok)
		}
		if other, twice := seen[name]; twice && other != source {
			t.Errorf("%q and %q have the same name %q", other, source, name)
		}
		seen[name] = source
	}
	for _, name := range []string{"a/b", "%zz", ".", "..", ".cache", "%76ar"} {
		if source, ok := sourceOf(name); ok {
			t.Errorf("%q is taken for %q", name, source)
		}
	}
}

// mountsOf reads "container target<source" lines.
func mountsOf(text string) []claim {
	var list []wanted
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		target, source, _ := strings.Cut(f[1], "<")
		list = append(list, wanted{kind: engine.KindWeb, Container: engine.Container{
			Name: f[0], Mounts: []engine.Mount{{Volume: "v", Path: source, Target: target}},
		}})
	}
	return claims(list)["v"]
}

func TestPlace(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		mounts string
		own    []string // on disk before
		full   string   // "source rel" that holds files
		want   map[string][]mounted
		inside map[string]string
		refuse bool
	}{
		{
			name:   "apart",
			mounts: "web /app/var<var\nweb /app/media<pub/media",
			want:   map[string][]mounted{"web": {{"var", "/app/var"}, {"pub/media", "/app/media"}}},
		},
		{
			name:   "an inner mount of the same files is left out",
			mounts: "web /app/var<var\nweb /app/var/log<var/log",
			full:   "var log",
			want:   map[string][]mounted{"web": {{"var", "/app/var"}}},
			inside: map[string]string{"var/log": "var"},
		},
		{
			name:   "a nested source elsewhere is mounted in both places",
			mounts: "web /a<data\nweb /b<data/sub",
			want:   map[string][]mounted{"web": {{"data", "/a"}, {"data/sub", "/a/sub"}, {"data/sub", "/b"}}},
		},
		{
			name:   "a worker with mounts of its own shares them",
			mounts: "web /app/var<var\nworker /app/log<var/log",
			want:   map[string][]mounted{"web": {{"var", "/app/var"}, {"var/log", "/app/var/log"}}, "worker": {{"var/log", "/app/log"}}},
		},
		{
			name:   "files that would be hidden are refused",
			mounts: "web /app/var<var\nworker /app/log<var/log",
			own:    []string{"var"},
			full:   "var log",
			refuse: true,
		},
		{
			name:   "an outer mount that comes later shows what is there already",
			mounts: "web /app/var<var\nweb /app/var/log<var/log\nworker /app/var<var",
			own:    []string{"var/log"},
			want: map[string][]mounted{
				"web":    {{"var", "/app/var"}, {"var/log", "/app/var/log"}},
				"worker": {{"var", "/app/var"}, {"var/log", "/app/var/log"}},
			},
		},
		{
			name:   "what an earlier release mounted stays in its place",
			mounts: "web /app/var<var",
			own:    []string{"var", "var/log"},
			want:   map[string][]mounted{"web": {{"var", "/app/var"}, {"var/log", "/app/var/log"}}},
		},
		{
			name:   "other files over it hide it",
			mounts: "web /app/var<var\nweb /app/var/log<logs",
			own:    []string{"var", "var/log/old"},
			want:   map[string][]mounted{"web": {{"var", "/app/var"}, {"logs", "/app/var/log"}}},
		},
		{
			name:   "the whole volume is a source like others",
			mounts: "web /app/all<\nworker /app/media<media",
			want:   map[string][]mounted{"web": {{"", "/app/all"}, {"media", "/app/all/media"}}, "worker": {{"media", "/app/media"}}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			list := mountsOf(test.mounts)
			p, err := place(list, test.own, func(source, rel string) (bool, error) { return source+" "+rel == test.full, nil })
			if (err != nil) != test.refuse {
				t.Fatalf("got error %v, want one: %t", err, test.refuse)
			}
			for container, want := range test.want {
				if diff := cmp.Diff(want, p.arrange(list, container, nil), cmp.AllowUnexported(mounted{})); diff != "" {
					t.Errorf("%s (-want +got):\n%s", container, diff)
				}
			}
			if test.inside != nil && !cmp.Equal(test.inside, p.inside) {
				t.Errorf("got %v inside others, want %v", p.inside, test.inside)
			}
		})
	}
}
