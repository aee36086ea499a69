package hal

import (
	"encoding/json"
	"fmt"
	"strings"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/platform"
)

// autoSize is the size of containers whose file does not give one.
const autoSize = "AUTO"

// DeploymentObject renders what an environment serves. Every map is there, also empty:
// clients end with a fatal error otherwise.
func (v View) DeploymentObject(e Environment) (apiv1.Deployment, error) {
	d := e.Deployment
	out := apiv1.Deployment{
		ID:          "current",
		Release:     apiv1.NullString(d.Release),
		Commit:      apiv1.NullString(d.Commit),
		CreatedAt:   apiv1.Time{Time: d.At},
		Webapps:     map[string]apiv1.Application{},
		Workers:     map[string]apiv1.Worker{},
		Services:    map[string]apiv1.Service{},
		Routes:      map[string]apiv1.Route{},
		ProjectInfo: apiv1.ProjectInfo{Title: v.Project.Title, Name: v.Project.ID},
		Links:       apiv1.Links{},
	}
	out.Links.Set("self", environmentPath(e.Project, e.Name)+"/deployments/current")
	for _, a := range d.Apps {
		app, err := application(a)
		if err != nil {
			return out, err
		}
		out.Webapps[a.Name] = app
	}
	for _, w := range d.Workers {
		out.Workers[w.Name] = worker(w, out.Webapps[w.App])
	}
	if !v.allows(access.VariablesView, e.Type) {
		hideVariables(out.Webapps)
	}
	for _, s := range d.Services {
		out.Services[s.Name] = service(s)
	}
	for _, r := range d.Routes {
		out.Routes[r.URL] = Route(r)
	}
	return out, nil
}

// hideVariables drops what only those may read who may read the variables of the environment:
// those of the applications' files, and those of their workers.
func hideVariables(apps map[string]apiv1.Application) {
	for name, app := range apps {
		app.Variables, app.Workers = json.RawMessage("{}"), json.RawMessage("{}")
		apps[name] = app
	}
}

func application(a platform.DeployedApp) (apiv1.Application, error) {
	app := apiv1.Application{}
	if err := json.Unmarshal(a.Config, &app); err != nil {
		return app, fmt.Errorf("decode the configuration of application %s: %w", a.Name, err)
	}
	app.Name = a.Name
	if app.Size == "" {
		app.Size = autoSize
	}
	if app.Disk != nil && *app.Disk == 0 {
		app.Disk = nil
	}
	for _, field := range []*json.RawMessage{
		&app.Operations, &app.Mounts, &app.Relationships, &app.Crons, &app.Web, &app.Hooks, &app.Variables, &app.Runtime, &app.Workers,
	} {
		if len(*field) == 0 || string(*field) == "null" {
			*field = json.RawMessage("{}")
		}
	}
	return app, nil
}

// worker renders a worker, which has what it does not say itself from its application.
func worker(w platform.DeployedWorker, app apiv1.Application) apiv1.Worker {
	out := apiv1.Worker{
		Name: w.Name, Type: app.Type, Size: app.Size, Disk: app.Disk, Mounts: app.Mounts,
		Operations: json.RawMessage("{}"), Worker: apiv1.WorkerSection{Commands: map[string]any{}},
	}
	var declared map[string]struct {
		Size     string          `json:"size"`
		Disk     *int            `json:"disk"`
		Mounts   json.RawMessage `json:"mounts"`
		Commands map[string]any  `json:"commands"`
	}
	if out.Mounts == nil {
		out.Mounts = json.RawMessage("{}")
	}
	if json.Unmarshal(app.Workers, &declared) != nil {
		return out // an application of an earlier version
	}
	own, ok := declared[strings.TrimPrefix(w.Name, w.App+"--")]
	if !ok {
		return out
	}
	if own.Size != "" {
		out.Size = own.Size
	}
	if own.Disk != nil {
		out.Disk = own.Disk
	}
	if len(own.Mounts) > 0 && string(own.Mounts) != "null" {
		out.Mounts = own.Mounts
	}
	if own.Commands != nil {
		out.Worker.Commands = own.Commands
	}
	return out
}

func service(s platform.DeployedService) apiv1.Service {
	out := apiv1.Service{Name: s.Name, Type: s.Type, Size: s.Size, Configuration: s.Configuration}
	if out.Size == "" {
		out.Size = autoSize
	}
	if s.Disk > 0 {
		out.Disk = &s.Disk
	}
	if out.Configuration == nil {
		out.Configuration = map[string]any{}
	}
	return out
}
