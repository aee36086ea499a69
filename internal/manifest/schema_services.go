package manifest

import (
	"fmt"
	"strings"
)

// servicesSchema is services.yaml.
func servicesSchema() *shape {
	return mapOf("service", object(
		property{key: "type", shape: formatted(typeFormat("mysql:10.11")).with(checkServiceType), required: true, doc: `The service and its version, "mysql:10.11".`},
		property{key: "disk", shape: diskSchema(), doc: "Disk for the data, in MB; needed by services that keep any. Its size is not enforced."},
		property{key: "configuration", shape: freeForm(), doc: "Settings of the type; see below for mysql."},
		property{key: "relationships", shape: relationshipsSchema(), doc: "The application behind a varnish service. Services of one environment reach each other anyway."},
		property{key: "size", shape: oneOf("AUTO", "XS", "S", "M", "L", "XL", "2XL", "4XL"), fallback: "AUTO", status: StatusIgnored, note: ignoredSize, doc: "The size of the container."},
		property{key: "resources", shape: freeForm(), status: StatusIgnored, note: ignoredSize, doc: "Memory of the container."},
		property{key: "container_profile", shape: scalar(), status: StatusIgnored, note: ignoredSize, doc: "Proportion of CPU and memory."},
		property{key: "access", shape: freeForm(), status: StatusIgnored, note: "services are reached through an application's container", doc: "Who may open tunnels."},
	).with(checkServiceConfiguration)).named(nameFormat("service")).most(maxServices)
}

// mysqlSchema is the configuration of a mysql service.
func mysqlSchema() *shape {
	endpoint := object(
		property{key: "default_schema", shape: text(), doc: "The database that the relationship names."},
		property{key: "privileges", shape: mapOf("schema", oneOf("admin", "rw", "ro")).most(maxSchemas), doc: "What the endpoint may do, by database."},
	)
	return object(
		property{key: "schemas", shape: listOf(text()).most(maxSchemas), fallback: "[main]", doc: "The databases. Removing one does not delete it."},
		property{key: "endpoints", shape: mapOf("endpoint", endpoint).most(maxSchemas), fallback: "mysql: admin on main", doc: "Users with their rights."},
		property{key: "properties", shape: object(
			property{key: "max_allowed_packet", shape: between(1, 1024), fallback: "16", doc: "MB."},
			property{key: "default_charset", shape: text(), fallback: "utf8mb4", doc: "Character set of new databases."},
			property{key: "default_collation", shape: text(), fallback: "utf8mb4_unicode_ci", doc: "Collation of new databases."},
			property{key: "optimizer_switch", shape: scalar(), doc: "MariaDB's variable."},
			property{key: "optimizer_use_condition_selectivity", shape: between(1, 5), fallback: "4", doc: "MariaDB's variable."},
			property{key: "innodb_adaptive_hash_index", shape: scalar(), doc: "MariaDB's variable."},
			property{key: "innodb_buffer_pool_size", shape: scalar(), doc: "MariaDB's variable."},
			property{key: "join_buffer_size", shape: scalar(), doc: "MariaDB's variable."},
			property{key: "max_connections", shape: scalar(), doc: "MariaDB's variable."},
			property{key: "max_heap_table_size", shape: scalar(), doc: "MariaDB's variable."},
			property{key: "min_examined_row_limit", shape: scalar(), doc: "MariaDB's variable."},
			property{key: "query_cache_size", shape: scalar(), doc: "MariaDB's variable."},
			property{key: "sql_mode", shape: scalar(), doc: "MariaDB's variable."},
			property{key: "table_definition_cache", shape: scalar(), doc: "MariaDB's variable."},
			property{key: "table_open_cache", shape: scalar(), doc: "MariaDB's variable."},
			property{key: "wsrep_sync_wait", shape: scalar(), doc: "MariaDB's variable."},
		).lax("the server gets it as it is"), doc: "Settings of the server."},
		property{key: "rotate_passwords", shape: boolean(), status: StatusIgnored, note: "passwords follow from the installation's key", doc: "Reserved."},
	)
}

// searchSchema is the configuration of a search service.
func searchSchema() *shape {
	return object(property{key: "plugins", shape: listOf(text()), status: StatusIgnored, quiet: true, note: "the image has its own plugins", doc: "Plugins to install."}).lax(unread)
}

// cacheServiceSchema is the configuration of a redis or valkey service.
func cacheServiceSchema() *shape {
	return object(property{key: "maxmemory_policy", shape: text(), fallback: "allkeys-lru", doc: "What is dropped when the memory is full."}).lax(unread)
}

// queueServiceSchema is the configuration of a rabbitmq service.
func queueServiceSchema() *shape {
	return object(property{key: "vhosts", shape: listOf(text()), status: StatusIgnored, note: `there is one virtual host, "/"`, doc: "Virtual hosts to make."}).lax(unread)
}

// lax turns unknown keys into warnings, which say what becomes of them.
func (s *shape) lax(fate string) *shape {
	s.unknown = fate
	return s
}

const unread = "nothing reads it"

func checkServiceConfiguration(c *checker, n *node, path string) {
	kind, _ := splitEndpoint(n.get("type").str())
	if kind == varnish {
		return
	}
	if e := n.find("relationships"); e != nil && !e.value.saysNothing() {
		c.notice(e.pos, "ignored-key", below(path, "relationships")+" has no effect here", "services of one environment reach each other anyway", "")
	}
	configuration, path := n.get("configuration"), below(path, "configuration")
	switch kind = canonicalType(kind); {
	case !configuration.isMap():
	case kind == "mysql":
		c.matches(configuration, mysqlShape(), path)
		checkEndpoints(c, configuration, path)
	case kind == "opensearch" || kind == "elasticsearch":
		c.matches(configuration, searchShape(), path)
	case strings.HasPrefix(kind, "redis") || strings.HasPrefix(kind, "valkey"):
		c.matches(configuration, cacheServiceShape(), path)
	case kind == "rabbitmq":
		c.matches(configuration, queueServiceShape(), path)
	}
}

// checkEndpoints compares the endpoints of a database with its schemas.
func checkEndpoints(c *checker, configuration *node, path string) {
	schemas := configuration.get("schemas").strings()
	if len(schemas) == 0 {
		schemas = []string{"main"}
	}
	known := func(pos Position, name string) {
		if !contains(schemas, name) {
			c.fail(pos, "unknown-schema", fmt.Sprintf("there is no schema %s in %s", show(name), below(path, "schemas")), "", didYouMean(name, schemas))
		}
	}
	endpoints := configuration.get("endpoints")
	if !endpoints.isMap() {
		return
	}
	for _, e := range endpoints.entries {
		if s := e.value.get("default_schema"); s.given() {
			known(s.pos, s.str())
		}
		if p := e.value.get("privileges"); p.isMap() {
			for _, grant := range p.entries {
				known(grant.pos, grant.key)
			}
		}
	}
}

// canonicalType maps the other names of a service type to the one that the catalog has.
func canonicalType(name string) string {
	switch name {
	case "mariadb":
		return "mysql"
	default:
		return name
	}
}
