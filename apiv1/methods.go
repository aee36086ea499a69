package apiv1

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// Version returns the versions of server and API; it needs no token.
func (c *Client) Version(ctx context.Context) (Version, error) {
	return get[Version](ctx, c, path("version"), nil)
}

// Me returns the owner of the client's token.
func (c *Client) Me(ctx context.Context) (User, error) {
	return get[User](ctx, c, path("users", "me"), nil)
}

// Projects lists the projects that the token may see, by identifier.
func (c *Client) Projects(ctx context.Context) ([]Project, error) {
	return get[[]Project](ctx, c, path("projects"), nil)
}

// Project returns one project.
func (c *Client) Project(ctx context.Context, id string) (Project, error) {
	return get[Project](ctx, c, path("projects", id), nil)
}

// CreateProject makes a project and returns it.
func (c *Client) CreateProject(ctx context.Context, p ProjectCreate) (Project, error) {
	return change[Project](ctx, c, http.MethodPost, path("projects"), p)
}

// DeleteProject removes a project, its environments, their data and its code.
func (c *Client) DeleteProject(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, path("projects", id), nil, nil, nil)
}

// change sends a change and returns the changed resource from the response.
func change[T any](ctx context.Context, c *Client, method, target string, body any) (T, error) {
	out, _, err := changeWith[T](ctx, c, method, target, body)
	return out, err
}

// changeWith is change for one that starts activities.
func changeWith[T any](ctx context.Context, c *Client, method, target string, body any) (T, []Activity, error) {
	var out T
	var accepted Accepted
	if err := c.call(ctx, method, target, nil, body, &accepted); err != nil {
		return out, nil, err
	}
	if err := json.Unmarshal(accepted.Embedded.Entity, &out); err != nil {
		return out, nil, &ConnectionError{URL: c.base, Err: fmt.Errorf("read response: %w", err)}
	}
	return out, accepted.Embedded.Activities, nil
}

// start sends what starts activities, and returns them.
func (c *Client) start(ctx context.Context, method, target string, query url.Values, body any) ([]Activity, error) {
	var accepted Accepted
	err := c.call(ctx, method, target, query, body, &accepted)
	return accepted.Embedded.Activities, err
}

// Environments lists a project's environments, the default branch first.
func (c *Client) Environments(ctx context.Context, project string) ([]Environment, error) {
	return get[[]Environment](ctx, c, path("projects", project, "environments"), nil)
}

// Environment returns one environment.
func (c *Client) Environment(ctx context.Context, project, env string) (Environment, error) {
	return get[Environment](ctx, c, path("projects", project, "environments", env), nil)
}

// Operate starts an operation on an environment and returns the activities it made. params
// are push options such as "build.force"; nil for none.
func (c *Client) Operate(
	ctx context.Context, project, env string, op Operation, params map[string]string,
) ([]Activity, error) {
	if params == nil {
		params = map[string]string{}
	}
	return c.begin(ctx, project, env, op, params)
}

// Relationships returns what an application is connected to. app may be empty when the
// environment has one application.
func (c *Client) Relationships(ctx context.Context, project, env, app string) (Relationships, error) {
	return get[Relationships](ctx, c, path("projects", project, "environments", env, "relationships"), appQuery(app))
}

// Routes lists an environment's routes, the primary one first.
func (c *Client) Routes(ctx context.Context, project, env string) ([]Route, error) {
	return get[[]Route](ctx, c, path("projects", project, "environments", env, "routes"), nil)
}

// DeleteEnvironment deletes an environment with its branch and returns the activity that it
// started. withData deletes its containers and data too; without, it has to be inactive.
func (c *Client) DeleteEnvironment(ctx context.Context, project, env string, withData bool) ([]Activity, error) {
	q := url.Values{}
	if withData {
		q.Set("data", "true")
	}
	return c.start(ctx, http.MethodDelete, path("projects", project, "environments", env), q, nil)
}

// Releases lists an environment's releases that served, the newest first.
func (c *Client) Releases(ctx context.Context, project, env string) ([]Release, error) {
	return get[[]Release](ctx, c, path("projects", project, "environments", env, "releases"), nil)
}

func appQuery(app string) url.Values {
	q := url.Values{}
	if app != "" {
		q.Set("app", app)
	}
	return q
}

// LogTypes lists the names of an application's logs.
func (c *Client) LogTypes(ctx context.Context, project, env, app string) ([]string, error) {
	return get[[]string](ctx, c, path("projects", project, "environments", env, "logs", "types"), appQuery(app))
}

// Logs opens the last lines of an application's log as text; kind is "app", "error",
// "access", … and lines 0 means all. The caller closes the reader.
func (c *Client) Logs(ctx context.Context, project, env, app, kind string, lines int) (io.ReadCloser, error) {
	q := appQuery(app)
	if kind != "" {
		q.Set("type", kind)
	}
	q.Set("lines", strconv.Itoa(lines))
	return c.stream(ctx, path("projects", project, "environments", env, "logs"), q, "text/plain")
}

// ActivityQuery selects activities; fields that are set narrow it.
type ActivityQuery struct {
	Project     string // required
	Environment string
	Types       []string
	States      []string
	Result      string
	StartsAt    Time // only those created before it
	Count       int  // 0: the server's default
}

// Activities lists activities, newest first.
func (c *Client) Activities(ctx context.Context, query ActivityQuery) ([]Activity, error) {
	target := path("projects", query.Project, "activities")
	if query.Environment != "" {
		target = path("projects", query.Project, "environments", query.Environment, "activities")
	}
	q := url.Values{"type": query.Types, "state": query.States}
	if query.Result != "" {
		q.Set("result", query.Result)
	}
	if !query.StartsAt.IsZero() {
		q.Set("starts_at", query.StartsAt.String())
	}
	if query.Count > 0 {
		q.Set("count", strconv.Itoa(query.Count))
	}
	return get[[]Activity](ctx, c, target, q)
}

// Activity returns one activity.
func (c *Client) Activity(ctx context.Context, id string) (Activity, error) {
	return get[Activity](ctx, c, path("activities", id), nil)
}

// CancelActivity asks for an activity to be cancelled and returns it. It is an *Error 400
// when it can no longer be.
func (c *Client) CancelActivity(ctx context.Context, id string) (Activity, error) {
	return change[Activity](ctx, c, http.MethodPost, path("activities", id, "cancel"), map[string]string{})
}

// variablesPath is the collection of a project's variables, or of an environment's.
func variablesPath(project, env string, name ...string) string {
	if env == "" {
		return path(append([]string{"projects", project, "variables"}, name...)...)
	}
	return path(append([]string{"projects", project, "environments", env, "variables"}, name...)...)
}

// Variables lists the variables of an environment with those it inherits from other
// environments, or those of the project when env is empty.
func (c *Client) Variables(ctx context.Context, project, env string) ([]Variable, error) {
	return get[[]Variable](ctx, c, variablesPath(project, env), nil)
}

// Variable returns one variable of a project, or of an environment.
func (c *Client) Variable(ctx context.Context, project, env, name string) (Variable, error) {
	return get[Variable](ctx, c, variablesPath(project, env, name), nil)
}

// CreateVariable makes a variable on the project, or on an environment. It is an *Error 409
// when there is one with the name.
func (c *Client) CreateVariable(ctx context.Context, project, env string, v VariableChange) (Variable, error) {
	return change[Variable](ctx, c, http.MethodPost, variablesPath(project, env), v)
}

// UpdateVariable changes a variable where it is set.
func (c *Client) UpdateVariable(ctx context.Context, project, env, name string, v VariableChange) (Variable, error) {
	return change[Variable](ctx, c, http.MethodPatch, variablesPath(project, env, name), v)
}

// DeleteVariable removes a variable where it is set.
func (c *Client) DeleteVariable(ctx context.Context, project, env, name string) error {
	return c.call(ctx, http.MethodDelete, variablesPath(project, env, name), nil, nil, nil)
}
