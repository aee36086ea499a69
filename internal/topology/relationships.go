package topology

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base32"
	"fmt"
	"strings"

	"sluice/internal/catalog"
	"sluice/internal/contract"
	"sluice/internal/manifest"
	"sluice/internal/platform"
)

// Endpoint is one entry of the relationships variable, in the exact shape that
// applications and ece-tools read.
type Endpoint struct {
	Username   *string        `json:"username"`
	Password   *string        `json:"password"`
	Host       string         `json:"host"`
	Hostname   string         `json:"hostname"`
	IP         string         `json:"ip"`
	Port       int            `json:"port"`
	Scheme     string         `json:"scheme"`
	Path       *string        `json:"path"`
	Query      map[string]any `json:"query"`
	Fragment   *string        `json:"fragment"`
	Service    string         `json:"service"`
	Rel        string         `json:"rel"`
	Cluster    string         `json:"cluster"`
	Type       string         `json:"type"`
	Public     bool           `json:"public"`
	HostMapped bool           `json:"host_mapped"`
}

// Relationships returns what the relationships variable of an application holds.
func Relationships(in Input, app string) (map[string][]Endpoint, error) {
	services, err := resolveServices(in)
	if err != nil {
		return nil, err
	}
	a := in.Manifest.App(app)
	if a == nil {
		return nil, platform.Errorf(platform.CodeNotFound, "application %q does not exist", app)
	}
	r := &resolver{Input: in, services: services}
	return r.relationships(a.Relationships)
}

// relationships resolves each to a list with one endpoint.
func (r *resolver) relationships(rels []manifest.Relationship) (map[string][]Endpoint, error) {
	out := map[string][]Endpoint{}
	for _, rel := range rels {
		e, err := r.endpoint(rel)
		if err != nil {
			return nil, err
		}
		out[rel.Name] = []Endpoint{e}
	}
	return out, nil
}

func (r *resolver) endpoint(rel manifest.Relationship) (Endpoint, error) {
	e := Endpoint{
		Host:     rel.Name + ".internal",
		Hostname: rel.Service + "." + string(r.Environment.ID()) + ".internal",
		Service:  rel.Service,
		Rel:      rel.Endpoint,
		Cluster:  string(r.Environment.ID()),
		Query:    map[string]any{},
	}
	if r.Manifest.App(rel.Service) != nil {
		e.Scheme, e.Port, e.Type = "http", contract.WebPort, r.Manifest.App(rel.Service).Type.String()
		return e, nil
	}
	m := r.Manifest.Service(rel.Service)
	s, ok := r.service(rel.Service)
	if m == nil || !ok {
		return Endpoint{}, platform.Errorf(platform.CodeInvalid,
			"%s: relationship %q points to %q, which is neither a service nor an application", rel.Pos, rel.Name, rel.Service)
	}
	entry, ok := r.Catalog.Service(m.Type.Name, m.Type.Version)
	if !ok {
		return Endpoint{}, unknownVersion(r.Catalog, m)
	}
	e.IP, e.Port, e.Scheme, e.Type = s.Address, entry.Port, entry.Scheme, m.Type.String()
	access := accessOf(r.Project, r.Environment.ID(), m, rel.Endpoint, entry)
	e.Username, e.Password, e.Path = access.user(), access.password(), access.path()
	if e.Scheme == "mysql" {
		e.Query["is_master"] = true
	}
	return e, nil
}

// access is what one endpoint of a service asks for and gives.
type access struct {
	Username string // empty: none
	Password string
	Path     string
}

func (a access) user() *string     { return nullable(a.Username) }
func (a access) password() *string { return nullable(a.Password) }
func (a access) path() *string     { return nullable(a.Path) }

func nullable(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// accessOf derives the credentials of an endpoint from the project's entropy: stable over
// deployments, different in every environment, kept nowhere.
func accessOf(p platform.Project, env platform.EnvironmentID, m *manifest.Service, endpoint string, entry catalog.Service) access {
	a := access{Username: entry.Credentials.Username, Path: entry.Credentials.Path}
	for _, custom := range m.Endpoints {
		if custom.Name == endpoint {
			a.Username, a.Path = custom.Name, custom.DefaultSchema
		}
	}
	if len(m.Endpoints) == 0 && len(m.Schemas) > 0 && a.Path != "" {
		a.Path = m.Schemas[0]
	}
	if entry.Credentials.Password {
		a.Password = derive(p.Entropy, string(env), m.Name, a.Username)
	}
	return a
}

// derive returns 32 lower-case characters that depend on all parts.
func derive(entropy string, parts ...string) string { return keyed(entropy, parts...)[:32] }

// exposedEntropy is the project's entropy as applications see it: 56 characters that do
// not give away the value from which passwords are derived.
func exposedEntropy(entropy string) string { return keyed(entropy, "project entropy")[:56] }

// keyed returns 104 lower-case base32 characters.
func keyed(entropy string, parts ...string) string {
	mac := hmac.New(sha512.New, []byte(entropy))
	for _, p := range parts {
		_, _ = fmt.Fprintf(mac, "%d:%s", len(p), p) // a hash never fails
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(mac.Sum(nil)))
}
