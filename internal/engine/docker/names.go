package docker

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"sluice/internal/engine"
	"sluice/internal/platform"
)

// Labels of everything that the package creates.
const (
	labelInstance    = "sluice.instance" // digest of the data directory: two installations may share one Docker
	labelEnvironment = "sluice.environment"
	labelProject     = "sluice.project"
	labelRelease     = "sluice.release" // empty for services
	labelKind        = "sluice.kind"
	labelContainer   = "sluice.container"
	labelGeneration  = "sluice.generation" // digest of the definition that the container was made from
	labelLimits      = "sluice.limits"     // see Limits.String
	labelHealth      = "sluice.health"     // of a service: its health command, see wordEnd
	labelReady       = "sluice.ready"      // of a web container: port and path, such as "8080/ready"
)

// wordEnd separates the words of a command in a label. No argument of a program can hold it.
const wordEnd = "\x00"

// naming says what things are called in Docker.
type naming struct {
	prefix   string // "sluice"
	instance string // value of labelInstance
}

// newNaming returns the names of the installation whose data is in dataDir.
func newNaming(prefix, dataDir string) naming {
	sum := sha256.Sum256([]byte(dataDir))
	return naming{prefix: prefix, instance: hex.EncodeToString(sum[:6])}
}

// network returns the name of an environment's network.
func (n naming) network(env platform.EnvironmentID) string {
	return n.prefix + "-" + string(env)
}

// container returns the name of a release's container, or of a service when release is empty.
func (n naming) container(env platform.EnvironmentID, release, container string) string {
	if release == "" {
		return n.prefix + "-" + string(env) + "-" + container
	}
	return n.prefix + "-" + string(env) + "-" + release + "-" + container
}

// networkLabels returns the labels of an environment's network.
func (n naming) networkLabels(env platform.EnvironmentID, project string) map[string]string {
	return map[string]string{labelInstance: n.instance, labelEnvironment: string(env), labelProject: project}
}

// containerLabels returns the labels of a container.
func (n naming) containerLabels(env platform.EnvironmentID, project string, w wanted, l Limits) map[string]string {
	labels := map[string]string{
		labelInstance:    n.instance,
		labelEnvironment: string(env),
		labelProject:     project,
		labelRelease:     w.release,
		labelKind:        string(w.kind),
		labelContainer:   w.Name,
		labelGeneration:  w.generation,
		labelLimits:      l.String(),
	}
	if len(w.health) > 0 {
		labels[labelHealth] = strings.Join(w.health, wordEnd)
	}
	if w.port != 0 {
		labels[labelReady] = strconv.Itoa(w.port) + w.ready
	}
	return labels
}

// kindOf reads a kind label; ok is false for a value that this version does not know.
func kindOf(label string) (kind engine.Kind, ok bool) {
	switch k := engine.Kind(label); k {
	case engine.KindService, engine.KindWeb, engine.KindWorker:
		return k, true
	}
	return "", false
}
