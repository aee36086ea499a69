package buildkit_test

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

	"sluice/internal/build/buildtest"
	"sluice/internal/platform"
)

// imageInfo is what docker image inspect says of an image.
type imageInfo struct {
	Config struct {
		User   string
		Env    []string
		Labels map[string]string
	}
	RootFS struct {
		Layers []string
	}
}

// inspectImage reads a slug's image as the engine shows it.
func inspectImage(base string) func(t *testing.T, slug platform.Slug) buildtest.Image {
	return func(t *testing.T, slug platform.Slug) buildtest.Image {
		t.Helper()
		info := imageInspect(t, slug.Ref)
		below := len(imageInspect(t, base).RootFS.Layers)
		return buildtest.Image{
			Files:  appFiles(t, slug.Ref),
			Added:  filledLayers(t, slug.Ref) - filledLayers(t, base),
			User:   info.Config.User,
			Env:    info.Config.Env,
			Labels: info.Config.Labels,
			Contains: func(text string) bool {
				return ownParts(t, slug.Ref, below, func(part []byte) bool { return bytes.Contains(part, []byte(text)) })
			},
		}
	}
}

func imageInspect(t *testing.T, ref string) imageInfo {
	t.Helper()
	var images []imageInfo
	decode(t, []byte(docker(t, "image", "inspect", ref)), &images)
	return images[0]
}

func filledLayers(t *testing.T, ref string) int {
	t.Helper()
	n := 0
	for size := range strings.Lines(docker(t, "history", "--human=false", "--format", "{{.Size}}", ref)) {
		if strings.TrimSpace(size) != "0" {
			n++
		}
	}
	return n
}

// appFiles reads /app of an image through a container that is never started.
func appFiles(t *testing.T, ref string) map[string]buildtest.File {
	t.Helper()
	container := docker(t, "create", ref, "true")
	defer docker(t, "rm", container)
	files := map[string]buildtest.File{}
	each(t, func(h *tar.Header, content []byte) {
		name := strings.TrimSuffix(strings.TrimPrefix(h.Name, "app/"), "/")
		files[name] = buildtest.File{Mode: h.FileInfo().Mode(), UID: h.Uid, Content: string(content) + h.Linkname}
	}, "cp", container+":/app", "-")
	return files
}

// ownParts says whether the image's configuration, its history or a layer above the first
// few matches.
func ownParts(t *testing.T, ref string, below int, match func([]byte) bool) bool {
	t.Helper()
	parts := map[string][]byte{}
	each(t, func(h *tar.Header, content []byte) { parts[h.Name] = content }, "save", ref)
	var manifest []struct {
		Config string
		Layers []string
	}
	decode(t, parts["manifest.json"], &manifest)
	found := match(parts[manifest[0].Config])
	for _, layer := range manifest[0].Layers[below:] {
		if parts[layer] == nil {
			t.Fatalf("layer %s of %s was not read", layer, ref)
		}
		found = found || match(parts[layer])
	}
	return found || match([]byte(docker(t, "history", "--no-trunc", ref)))
}

// each runs a docker command that writes a tar archive, and reads it. Files as large as the
// base's layers come without their content.
func each(t *testing.T, fn func(h *tar.Header, content []byte), args ...string) {
	t.Helper()
	const large = 32 << 20
	cmd := exec.CommandContext(t.Context(), "docker", args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for tr := tar.NewReader(out); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Size > large {
			fn(h, nil)
			continue
		}
		content, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		fn(h, content)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("docker %s: %v", strings.Join(args, " "), err)
	}
}

func decode(t *testing.T, raw []byte, to any) {
	t.Helper()
	if err := json.Unmarshal(raw, to); err != nil {
		t.Fatalf("%v in %q", err, raw)
	}
}

// running says whether a process of this machine has the argument.
func running(t *testing.T, argument string) bool {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err == nil && bytes.Contains(line, []byte("\x00"+argument+"\x00")) {
			return true
		}
	}
	return false
}
