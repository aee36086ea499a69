package command

import (
	"cmp"
	"encoding/base64"
	"fmt"

	"go.yaml.in/yaml/v3"

	"sluice/internal/manifest"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/tree"
)

// platform decodes what the platform says in variables, under the names that
// .magento.env.yaml may have changed.
func platform(p Process, t *tree.Tree, env *manifest.EnvFile) (*kit.Platform, error) {
	d := decoder{p: p, names: map[string]string{}}
	if env != nil {
		d.names = env.System
	}
	out := &kit.Platform{
		Relationships: d.array("ENV_RELATIONSHIPS", "MAGENTO_CLOUD_RELATIONSHIPS"),
		Routes:        d.array("ENV_ROUTES", "MAGENTO_CLOUD_ROUTES"),
		Variables:     d.array("ENV_VARIABLES", "MAGENTO_CLOUD_VARIABLES"),
		Application:   d.array("ENV_APPLICATION", "MAGENTO_CLOUD_APPLICATION"),
	}
	out.Branch, _ = p.env(d.name("ENV_ENVIRONMENT", "MAGENTO_CLOUD_ENVIRONMENT"))
	out.Type, _ = p.env("MAGENTO_CLOUD_ENVIRONMENT_TYPE")
	if d.err != nil {
		return nil, d.err
	}
	if out.Application.Len() > 0 && out.Application.Has("mounts") {
		return out, nil
	}
	file, err := application(t)
	if err != nil {
		return nil, err
	}
	if out.Application.Len() == 0 {
		out.Application = file
	} else if mounts := file.Sub("mounts"); mounts != nil {
		out.Application.Set("mounts", mounts)
	}
	return out, nil
}

type decoder struct {
	p     Process
	names map[string]string
	err   error
}

// name returns the name of the process's variable for an option of system.variables.
func (d *decoder) name(option, fallback string) string { return cmp.Or(d.names[option], fallback) }

// array decodes a variable: base64 of JSON. An absent one is empty.
func (d *decoder) array(option, fallback string) *phparray.Array {
	name := d.name(option, fallback)
	text, _ := d.p.env(name)
	if text == "" {
		return phparray.New()
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		d.fail(name, err)
		return phparray.New()
	}
	v, err := phparray.DecodeJSON(raw)
	if err != nil {
		d.fail(name, err)
		return phparray.New()
	}
	a, ok := v.(*phparray.Array)
	if !ok {
		d.fail(name, fmt.Errorf("it is %T, not an array", v))
		return phparray.New()
	}
	return a
}

func (d *decoder) fail(name string, err error) {
	if d.err == nil {
		d.err = fmt.Errorf("the variable %s is not base64 of a JSON object: %w", name, err)
	}
}

// application reads .magento.app.yaml; a missing file is empty.
func application(t *tree.Tree) (*phparray.Array, error) {
	text, err := t.ReadOrNothing(tree.AppYAML)
	if err != nil || len(text) == 0 {
		return phparray.New(), err
	}
	var file map[string]any
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", tree.AppYAML, err)
	}
	a, _ := phparray.From(file).(*phparray.Array)
	return a, nil
}
