package topology

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/internal/catalog"
	"sluice/internal/engine"
	"sluice/internal/manifest"
	"sluice/internal/platform"
)

// Services resolves the services of a manifest alone, to compare them with others.
func Services(in Input) ([]engine.Service, error) { return resolveServices(in) }

// resolveServices turns services.yaml into containers with fixed addresses.
func resolveServices(in Input) ([]engine.Service, error) {
	names := make([]string, 0, len(in.Manifest.Services))
	for _, m := range in.Manifest.Services {
		names = append(names, m.Name)
	}
	addrs, err := addresses(in.Environment.Subnet, names, in.Previous)
	if err != nil {
		return nil, platform.Errorf(platform.CodeInternal, "%v", err)
	}
	out := make([]engine.Service, 0, len(names))
	for _, m := range in.Manifest.Services {
		entry, ok := in.Catalog.Service(m.Type.Name, m.Type.Version)
		if !ok {
			return nil, unknownVersion(in.Catalog, m)
		}
		out = append(out, serviceOf(in, m, entry, addrs[m.Name]))
	}
	return out, nil
}

func unknownVersion(c *catalog.Catalog, m *manifest.Service) error {
	return platform.Errorf(platform.CodeInvalid, "%s: type %s is not in the catalog", m.Pos, m.Type).
		WithHint("write one of: %s", strings.Join(c.ServiceVersions(m.Type.Name), ", "))
}

func serviceOf(in Input, m *manifest.Service, entry catalog.Service, address string) engine.Service {
	env := in.Environment.ID()
	def := accessOf(in.Project, env, m, entry.Endpoint, entry)
	s := engine.Service{
		Container: engine.Container{
			Name:        m.Name,
			Image:       in.Images[entry.Image.Name].Ref,
			Command:     entry.Command,
			User:        entry.User,
			Env:         serviceEnv(m, entry, def),
			Tmpfs:       entry.Tmpfs,
			StopTimeout: entry.Stop,
		},
		Address: address,
		Health:  entry.Health,
		Version: m.Type.String(),
	}
	if s.StopTimeout == 0 {
		s.StopTimeout = 30 * time.Second
	}
	if entry.Persistent {
		uid, gid := owner(entry.User)
		s.Mounts = []engine.Mount{{Volume: m.Name, Target: entry.DataDir, UID: uid, GID: gid}}
	}
	if m.Type.Name == "mysql" || m.Type.Name == "mariadb" {
		s.Files = []engine.File{{Path: "/etc/sluice/my.cnf", Mode: 0o644, Content: mysqlConfig(m)}}
	}
	s.Setup = setupOf(in.Project, env, m, entry)
	s.Generation = generation(s)
	return s
}

// serviceMemory is what a service may plan with, in MB, while it has no size of its own.
const serviceMemory = "512"

// serviceEnv fills the placeholders of the catalog's environment: credentials, memory and
// the service's own configuration, empty where that says nothing.
func serviceEnv(m *manifest.Service, entry catalog.Service, a access) map[string]string {
	out := make(map[string]string, len(entry.Env))
	for name, value := range entry.Env {
		out[name] = expand(value, func(key string) string {
			switch key {
			case "username":
				return a.Username
			case "password":
				return a.Password
			case "path":
				return a.Path
			case "memory":
				return serviceMemory
			}
			property, _ := strings.CutPrefix(key, "properties.")
			if v, ok := m.Configuration[property]; ok {
				return oneLine(v)
			}
			return ""
		})
	}
	return out
}

// expand replaces every ${key} of s.
func expand(s string, value func(key string) string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, "${")
		b.WriteString(before)
		key, after, closed := strings.Cut(rest, "}")
		if !ok || !closed {
			b.WriteString(strings.TrimPrefix(s, before))
			return b.String()
		}
		b.WriteString(value(key))
		s = after
	}
}

// setupOf returns what brings a healthy service to the wanted users and databases.
func setupOf(p platform.Project, env platform.EnvironmentID, m *manifest.Service, entry catalog.Service) *engine.Setup {
	if len(entry.SetupCommand) == 0 {
		return nil
	}
	setup := &engine.Setup{Command: entry.SetupCommand}
	switch entry.Scheme {
	case "mysql":
		setup.Stdin = mysqlSetup(p, env, m, entry)
	default:
		a := accessOf(p, env, m, entry.Endpoint, entry)
		setup.Stdin = a.Username + "\n" + a.Password + "\n"
	}
	return setup
}

// mysqlSetup is repeatable SQL: databases, users and rights. Without endpoints in
// services.yaml there is one user, with all rights on every schema.
func mysqlSetup(p platform.Project, env platform.EnvironmentID, m *manifest.Service, entry catalog.Service) string {
	var sql strings.Builder
	schemas := m.Schemas
	if len(schemas) == 0 {
		schemas = []string{entry.Credentials.Path}
	}
	for _, s := range schemas {
		fmt.Fprintf(&sql, "CREATE DATABASE IF NOT EXISTS %s;\n", ident(s))
	}
	endpoints := m.Endpoints
	if len(endpoints) == 0 {
		admin := map[string]string{}
		for _, s := range schemas {
			admin[s] = "admin"
		}
		endpoints = []manifest.Endpoint{{Name: entry.Endpoint, Privileges: admin}}
	}
	for _, e := range endpoints {
		a := accessOf(p, env, m, e.Name, entry)
		user := quote(a.Username) + "@'%'"
		fmt.Fprintf(&sql, "CREATE USER IF NOT EXISTS %s;\n", user)
		fmt.Fprintf(&sql, "ALTER USER %s IDENTIFIED BY %s;\n", user, quote(a.Password))
		for _, schema := range sortedKeys(e.Privileges) {
			fmt.Fprintf(&sql, "GRANT %s ON %s.* TO %s;\n", rights(e.Privileges[schema]), ident(schema), user)
		}
	}
	sql.WriteString("FLUSH PRIVILEGES;\n")
	return sql.String()
}

func rights(privilege string) string {
	switch privilege {
	case "ro":
		return "SELECT"
	case "rw":
		return "SELECT, INSERT, UPDATE, DELETE, CREATE TEMPORARY TABLES, LOCK TABLES"
	default:
		return "ALL PRIVILEGES"
	}
}

func ident(s string) string { return "`" + strings.ReplaceAll(s, "`", "``") + "`" }

func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(s) + "'"
}

// mysqlConfig writes configuration.properties as server options.
func mysqlConfig(m *manifest.Service) string {
	options := map[string]string{
		"character-set-server": "utf8mb4",
		"collation-server":     "utf8mb4_unicode_ci",
		"max_allowed_packet":   "16M",
	}
	properties, _ := m.Configuration["properties"].(map[string]any)
	for name, value := range properties {
		switch name {
		case "default_charset":
			options["character-set-server"] = oneLine(value)
		case "default_collation":
			options["collation-server"] = oneLine(value)
		case "max_allowed_packet":
			options[name] = oneLine(value) + "M"
		default:
			options[name] = oneLine(value)
		}
	}
	var b strings.Builder
	b.WriteString("[mysqld]\n")
	for _, name := range sortedKeys(options) {
		fmt.Fprintf(&b, "%s = %s\n", oneLine(name), options[name])
	}
	return b.String()
}

// oneLine keeps a value from adding lines of its own to a configuration file.
func oneLine(v any) string {
	return strings.NewReplacer("\n", " ", "\r", " ").Replace(text(v))
}

// owner splits "uid:gid".
func owner(user string) (uid, gid int) {
	_, _ = fmt.Sscanf(user, "%d:%d", &uid, &gid) // the catalog's own data; zero is root
	return uid, gid
}

// generation changes when a running service is not what the specification asks for any more.
func generation(s engine.Service) string {
	s.Generation = ""
	s.Setup = nil // repeated on every deployment; needs no restart
	b, err := json.Marshal(s)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])[:16]
}

// ServiceImages returns the catalog images that a manifest's services need, each once.
func ServiceImages(m *manifest.Manifest, c *catalog.Catalog) ([]catalog.Image, error) {
	var out []catalog.Image
	for _, s := range m.Services {
		entry, ok := c.Service(s.Type.Name, s.Type.Version)
		if !ok {
			return nil, unknownVersion(c, s)
		}
		if !slices.ContainsFunc(out, func(i catalog.Image) bool { return i.Name == entry.Image.Name }) {
			out = append(out, entry.Image)
		}
	}
	return out, nil
}
