package buildkit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"

	"sluice/internal/build"
	"sluice/internal/contract"
	"sluice/internal/platform"
)

// The labels of a slug's image.
const (
	labelProject = "sluice.project"
	labelApp     = "sluice.app"
	labelKey     = "sluice.key"
	labelTree    = "sluice.tree"
)

// imageConfig is an OCI image configuration, of which only what a slug changes is known
// by name; everything else is passed on as it is.
type imageConfig map[string]json.RawMessage

// baseConfig reads the configuration of the runtime image, in the engine's store first. An
// image of that name which is not the one that was asked for is refused: names can be moved.
func baseConfig(ctx context.Context, c gateway.Client, base build.Image) (imageConfig, error) {
	ref := base.Ref
	_, digest, raw, err := c.ResolveImageConfig(ctx, ref, sourceresolver.Opt{
		LogName:  "runtime image",
		ImageOpt: &sourceresolver.ResolveImageOpt{ResolveMode: llb.ResolveModePreferLocal.String()},
	})
	if err != nil {
		return nil, fmt.Errorf("read the configuration of the runtime image %s: %w", ref, err)
	}
	// Docker's identifier of an image is the digest of its configuration, with containerd's
	// store that of its manifest.
	if sum := sha256.Sum256(raw); base.Digest != "" && base.Digest != digest.String() && base.Digest != "sha256:"+hex.EncodeToString(sum[:]) {
		return nil, platform.Errorf(platform.CodeConflict, "the runtime image %s is not %s any more; nothing was built", ref, base.Digest).
			WithHint("try again: another image got that name while this build was prepared")
	}
	config := imageConfig{}
	if err := json.Unmarshal(raw, &config); err != nil {
		return nil, fmt.Errorf("read the configuration of the runtime image %s: %w", ref, err)
	}
	return config, nil
}

// runConfig is the part of a configuration that says how a container is started.
func (c imageConfig) runConfig() map[string]any {
	run := map[string]any{}
	_ = json.Unmarshal(c["config"], &run) // absent or null in an imported image
	if run == nil {
		run = map[string]any{}
	}
	return run
}

// env returns the variables of the image.
func (c imageConfig) env() []string {
	var run struct{ Env []string }
	_ = json.Unmarshal(c["config"], &run) // absent or null in an imported image
	return run.Env
}

// slugConfig is the runtime image's configuration with the slug's user, directory and
// labels. Nothing of the build's environment is in it.
func (c imageConfig) slugConfig(req build.Request) ([]byte, error) {
	run := c.runConfig()
	labels, ok := run["Labels"].(map[string]any)
	if !ok {
		labels = map[string]any{}
	}
	labels[labelProject], labels[labelApp] = req.Project, req.App
	labels[labelKey], labels[labelTree] = req.Key.Sum(), req.TreeID
	run["Labels"] = labels
	run["WorkingDir"] = contract.AppDir
	run["User"] = owner()

	out := imageConfig{}
	maps.Copy(out, c)
	raw, err := json.Marshal(run)
	if err != nil {
		return nil, fmt.Errorf("encode the slug's configuration: %w", err)
	}
	out["config"] = raw
	return json.Marshal(out)
}

// slugRef is the name of a slug's image; the key decides it, so that looking up a slug is
// asking whether its name exists.
func slugRef(project, app string, key build.Key) string {
	return fmt.Sprintf("sluice-slug/%s/%s:%s", component(project), component(app), key.Sum()[:32])
}

var validComponent = regexp.MustCompile(`^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$`)

// component makes a name that image references allow, and keeps different names apart.
func component(name string) string {
	if validComponent.MatchString(name) {
		return name
	}
	plain := strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name)), "-")
	sum := sha256.Sum256([]byte(name))
	return strings.TrimPrefix(plain+"-"+hex.EncodeToString(sum[:4]), "-")
}

func fileMode(mode uint32) os.FileMode {
	if mode == 0 {
		return 0o444
	}
	return os.FileMode(mode) & os.ModePerm
}
