package apiv1

import "encoding/json"

// Project is one Git repository and its environments.
type Project struct {
	ID            string        `json:"id"`
	Title         string        `json:"title"`
	DefaultBranch string        `json:"default_branch"`
	Timezone      string        `json:"timezone"`
	Status        ProjectStatus `json:"status"`
	Repository    Repository    `json:"repository"`
	CreatedAt     Time          `json:"created_at"`
	UpdatedAt     Time          `json:"updated_at"`
	Links         Links         `json:"_links,omitempty"`
}

// ProjectStatus says whether a project can be used.
type ProjectStatus struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Repository is where a project's code is pushed to.
type Repository struct {
	URL     string `json:"url"`      // over SSH where the server has an SSH gateway
	HTTPURL string `json:"http_url"` // with an access token as the password
}

// ProjectCreate asks for a new project.
type ProjectCreate struct {
	ID            string `json:"id,omitempty"`             // a random one when empty
	Title         string `json:"title,omitempty"`          // the ID when empty
	DefaultBranch string `json:"default_branch,omitempty"` // "main" when empty
}

// ProjectChange changes the fields of a project that are not nil.
type ProjectChange struct {
	Title *string `json:"title,omitempty"`
}

// Environment is one Git branch of a project.
type Environment struct {
	ID                  string          `json:"id"`
	Name                string          `json:"name"`
	MachineName         string          `json:"machine_name"`
	Title               string          `json:"title"`
	Project             string          `json:"project"`
	Type                string          `json:"type"`
	Parent              NullString      `json:"parent"`
	Status              string          `json:"status"` // "active" or "inactive"
	IsMain              bool            `json:"is_main"`
	IsDirty             bool            `json:"is_dirty"` // an activity waits or runs
	HasCode             bool            `json:"has_code"`
	HasDeployment       bool            `json:"has_deployment"`
	HeadCommit          NullString      `json:"head_commit"`
	DefaultDomain       NullString      `json:"default_domain"`
	HasDomains          bool            `json:"has_domains"`
	EdgeHostname        string          `json:"edge_hostname"`
	DeploymentTarget    string          `json:"deployment_target"`
	DeploymentState     DeploymentState `json:"deployment_state"`
	CloneParentOnCreate bool            `json:"clone_parent_on_create"` // its first deployment begins with a copy of the parent's data
	EnableSMTP          bool            `json:"enable_smtp"`
	RestrictRobots      bool            `json:"restrict_robots"`
	HTTPAccess          HTTPAccess      `json:"http_access"`       // set on this environment; children inherit it
	Unfinished          bool            `json:"unfinished"`        // a deployment failed after it may have changed data: the site is closed
	HoldMaxWait         float64         `json:"hold_max_wait"`     // seconds; 0: the server's limit
	HoldMaxRequests     int             `json:"hold_max_requests"` // 0: the default
	BypassAddresses     []string        `json:"bypass_addresses"`
	Release             NullString      `json:"release"` // id of the release that serves
	LastActiveAt        Time            `json:"last_active_at"`
	CreatedAt           Time            `json:"created_at"`
	UpdatedAt           Time            `json:"updated_at"`
	Links               Links           `json:"_links,omitempty"`
}

// DeploymentState is how the last deployment of an environment went.
type DeploymentState struct {
	LastDeploymentSuccessful bool `json:"last_deployment_successful"`
	LastDeploymentAt         Time `json:"last_deployment_at"`
}

// Release is a deployment of an environment that served, now or before.
type Release struct {
	ID        string     `json:"id"`
	Commit    string     `json:"commit"`
	Activity  string     `json:"activity"`
	Data      string     `json:"data"`   // what the data looked like, for people
	Serves    bool       `json:"serves"` // now
	Rollback  string     `json:"rollback"`
	DataOf    Time       `json:"data_of"` // the moment whose data a rollback with data brings back
	Reason    NullString `json:"reason"`  // why a rollback is not possible
	CreatedAt Time       `json:"created_at"`
	LiveAt    Time       `json:"live_at"`
}

// What a rollback to a release would be.
const (
	RollbackCode    = "code"         // the data looks as it did when the release served
	RollbackChanged = "data_changed" // it does not, so the code may not fit
	RollbackNone    = "impossible"   // see Release.Reason
)

// Route is one URL of an environment, primary first and HTTPS first.
type Route struct {
	ID          NullString        `json:"id"`
	URL         string            `json:"url"`
	OriginalURL string            `json:"original_url"`
	Type        string            `json:"type"`
	Upstream    string            `json:"upstream,omitempty"` // "<application>:http"
	To          string            `json:"to,omitempty"`
	Primary     bool              `json:"primary"`
	Attributes  map[string]string `json:"attributes"`
}

// Variable is one variable of a project or an environment. Value is
// absent when the variable is sensitive.
type Variable struct {
	ID               string            `json:"id"`
	Name             string            `json:"name"`
	Value            *string           `json:"value,omitempty"`
	IsJSON           bool              `json:"is_json"`
	IsSensitive      bool              `json:"is_sensitive"`
	VisibleBuild     bool              `json:"visible_build"`
	VisibleRuntime   bool              `json:"visible_runtime"`
	Project          string            `json:"project"`
	Environment      string            `json:"environment,omitempty"` // the one it is set on; empty for a project variable
	Inherited        bool              `json:"inherited"`             // set on a parent of the environment asked for
	ApplicationScope []string          `json:"application_scope"`     // always empty: all applications
	Attributes       map[string]string `json:"attributes"`            // always empty; for other clients
	IsEnabled        *bool             `json:"is_enabled,omitempty"`
	IsInheritable    *bool             `json:"is_inheritable,omitempty"`
	Links            Links             `json:"_links,omitempty"`
}

// VariableChange creates a variable or changes the fields that are not nil.
type VariableChange struct {
	Name           string  `json:"name,omitempty"` // when creating
	Value          *string `json:"value,omitempty"`
	IsJSON         *bool   `json:"is_json,omitempty"`
	IsSensitive    *bool   `json:"is_sensitive,omitempty"`
	VisibleBuild   *bool   `json:"visible_build,omitempty"`
	VisibleRuntime *bool   `json:"visible_runtime,omitempty"`
	IsEnabled      *bool   `json:"is_enabled,omitempty"`
	IsInheritable  *bool   `json:"is_inheritable,omitempty"`
	// ApplicationScope must be empty: every application sees a variable.
	ApplicationScope []string `json:"application_scope,omitempty"`
}

// Relationships are the endpoints that an application sees, by relationship, as in
// MAGENTO_CLOUD_RELATIONSHIPS.
type Relationships map[string]json.RawMessage

// Operation is a change of an environment that starts an activity.
type Operation string

// The operations; each is a POST below the environment.
const (
	Redeploy   Operation = "redeploy"
	Rollback   Operation = "rollback" // parameters: release, code_only, with_data
	Activate   Operation = "activate"
	Deactivate Operation = "deactivate"
	Merge      Operation = "merge"
	Pause      Operation = "pause"
	Resume     Operation = "resume"
)
