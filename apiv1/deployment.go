package apiv1

import "encoding/json"

// Deployment is what an environment serves: the maps are never null.
type Deployment struct {
	ID          string                 `json:"id"` // "current"
	Release     NullString             `json:"release"`
	Commit      NullString             `json:"commit"`
	CreatedAt   Time                   `json:"created_at"`
	Webapps     map[string]Application `json:"webapps"`
	Workers     map[string]Worker      `json:"workers"` // by "<application>--<worker>"
	Services    map[string]Service     `json:"services"`
	Routes      map[string]Route       `json:"routes"` // by URL
	ProjectInfo ProjectInfo            `json:"project_info"`
	Links       Links                  `json:"_links"`
}

// ProjectInfo names the project of a deployment.
type ProjectInfo struct {
	Name  string `json:"name"`
	Title string `json:"title"`
}

// Application is one that serves. The sections are those of its file in normal form.
type Application struct {
	Name          string          `json:"name"`
	Type          string          `json:"type"` // "php:8.3"
	Size          string          `json:"size"` // "AUTO" when the file gives none
	Disk          *int            `json:"disk"` // MB; null when the file gives none
	Operations    json.RawMessage `json:"operations"`
	Mounts        json.RawMessage `json:"mounts"`
	Relationships json.RawMessage `json:"relationships"`
	Crons         json.RawMessage `json:"crons"`
	Web           json.RawMessage `json:"web"`
	Hooks         json.RawMessage `json:"hooks"`
	Variables     json.RawMessage `json:"variables"` // {} for those who may not read variables
	Runtime       json.RawMessage `json:"runtime"`
	Workers       json.RawMessage `json:"workers"` // as Variables
}

// Worker is a container without requests.
type Worker struct {
	Name       string          `json:"name"`
	Type       string          `json:"type"`
	Size       string          `json:"size"`
	Disk       *int            `json:"disk"` // MB
	Mounts     json.RawMessage `json:"mounts"`
	Operations json.RawMessage `json:"operations"`
	Worker     WorkerSection   `json:"worker"`
}

// WorkerSection is what a worker runs.
type WorkerSection struct {
	Commands map[string]any `json:"commands"`
}

// Service is a service of an environment.
type Service struct {
	Name          string         `json:"name"`
	Type          string         `json:"type"` // "mysql:10.11"
	Size          string         `json:"size"`
	Disk          *int           `json:"disk"` // MB
	Configuration map[string]any `json:"configuration"`
}

// EnvironmentSettings say how an environment is deployed.
type EnvironmentSettings struct {
	EnableManualDeployments bool  `json:"enable_manual_deployments"` // false: at once
	Links                   Links `json:"_links"`
}

// ProjectSettings say which resources clients may ask for: none.
type ProjectSettings struct {
	SizingAPIEnabled          bool  `json:"sizing_api_enabled"`
	EnableGuaranteedResources bool  `json:"enable_guaranteed_resources"`
	Links                     Links `json:"_links"`
}

// Capabilities say what a project can have.
type Capabilities struct {
	Integrations        IntegrationCapability `json:"integrations"`
	CustomDomains       Capability            `json:"custom_domains"` // of environments other than production
	GuaranteedResources Capability            `json:"guaranteed_resources"`
	Autoscaling         Capability            `json:"autoscaling"`
	Links               Links                 `json:"_links"`
}

// Capability is one that is there or not.
type Capability struct {
	Enabled bool `json:"enabled"`
}

// IntegrationCapability names the integrations that there are, when Enabled.
type IntegrationCapability struct {
	Enabled bool                  `json:"enabled"`
	Config  map[string]Capability `json:"config"`
}
