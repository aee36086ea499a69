package platform

import (
	"encoding/json"
	"time"
)

// Deployment is what an environment serves, as its users see it: without the secrets of its
// release. The zero Deployment serves nothing.
type Deployment struct {
	Release  string
	Commit   string
	At       time.Time // when it went live
	Apps     []DeployedApp
	Workers  []DeployedWorker
	Services []DeployedService
	Routes   []Route
}

// DeployedApp is an application that serves.
type DeployedApp struct {
	Name string
	// Config is its file in normal form, a JSON object as in MAGENTO_CLOUD_APPLICATION.
	Config json.RawMessage
}

// DeployedWorker is a container without requests.
type DeployedWorker struct {
	Name string // of the container: "app--queue"
	App  string
}

// DeployedService is a service that an environment has.
type DeployedService struct {
	Name          string
	Type          string // "mysql:10.11"
	Size          string // as in the file; empty when it does not say
	Disk          int    // MB; 0 when the file does not say
	Configuration map[string]any
}
