package plan

import (
	"fmt"
	"reflect"

	"sluice/internal/catalog"
	"sluice/internal/engine"
	"sluice/internal/manifest"
	"sluice/internal/platform"
	"sluice/internal/topology"
)

// services compares what would run with what runs, both as topology resolves them now: a
// service is replaced when its definition changes and kept running when it does not.
func services(in Input) ([]Change, error) {
	out := make([]Change, 0, len(in.Pushed.Services))
	before, err := generations(in, in.Current)
	if err != nil {
		before = nil // what runs has a version that the catalog lost
	}
	now, err := generations(in, in.Pushed)
	if err != nil && len(in.Current.Services) > 0 {
		return nil, err
	}
	for _, s := range in.Pushed.Services {
		c := Change{Name: s.Name, Action: Create, Details: []string{s.Written().String()}}
		if old := in.Current.Service(s.Name); old != nil {
			c.Action, c.Details = serviceChange(old, s, before[s.Name] == now[s.Name])
		}
		out = append(out, c)
	}
	for _, old := range in.Current.Services {
		if in.Pushed.Service(old.Name) == nil {
			details := []string{old.Written().String()}
			if keepsData(in.Catalog, old) {
				details = append(details, "it is stopped; its data stays on the disk")
			}
			out = append(out, Change{Name: old.Name, Action: Remove, Details: details})
		}
	}
	return out, nil
}

func keepsData(c *catalog.Catalog, s *manifest.Service) bool {
	entry, ok := c.Service(s.Type.Name, s.Type.Version)
	return !ok || entry.Persistent
}

func serviceChange(old, now *manifest.Service, same bool) (Action, []string) {
	if same {
		return Keep, []string{now.Written().String()}
	}
	details := []string{now.Written().String()}
	if old.Type != now.Type {
		details = []string{fmt.Sprintf("%s becomes %s", old.Written(), now.Written())}
		if old.Type.Name == now.Type.Name {
			details = append(details, "its data may be converted: a failure from then on leads to maintenance")
		}
	}
	if !reflect.DeepEqual(old.Configuration, now.Configuration) {
		details = append(details, "its configuration changes")
	}
	return Replace, append(details, "requests wait while it starts")
}

// generations resolves a manifest's services with names in place of images, whose digests
// a plan does not know.
func generations(in Input, m *manifest.Manifest) (map[string]string, error) {
	images, err := topology.ServiceImages(m, in.Catalog)
	if err != nil {
		return nil, err
	}
	refs := map[string]platform.ImageRef{}
	for _, img := range images {
		refs[img.Name] = platform.ImageRef{Ref: img.Name}
	}
	env := in.Environment
	env.Subnet = "10.0.0.0/24"
	resolved, err := topology.Services(topology.Input{
		Project: in.Project, Environment: env, Manifest: m, Catalog: in.Catalog, Images: refs, Previous: addressesOf(env.Subnet, in.Current),
	})
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, s := range resolved {
		out[s.Name] = s.Generation
	}
	return out, nil
}

// addressesOf keeps the addresses of running services where they are, as a deployment does.
func addressesOf(subnet string, m *manifest.Manifest) *engine.Spec {
	spec := &engine.Spec{Subnet: subnet}
	for i, s := range m.Services {
		spec.Services = append(spec.Services, engine.Service{Container: engine.Container{Name: s.Name}, Address: fmt.Sprintf("10.0.0.%d", 100+i)})
	}
	return spec
}
