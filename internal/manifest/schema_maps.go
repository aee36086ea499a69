package manifest

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// The maps of .magento.env.yaml become parts of Magento's env.php, which may have keys that
// are not known here: modules read their own. So the shapes below list what Magento reads,
// and only keys that look like one of these are reported.

// near reports unknown keys only when they are nearly one that is known.
func (s *shape) near() *shape {
	s.nearly = true
	return s.lax(unread)
}

// known is a map with these keys, whose values are not checked.
func known(keys string) *shape {
	var props []property
	for key := range strings.FieldsSeq(keys) {
		props = append(props, property{key: key, shape: anything()})
	}
	return object(props...).near()
}

// and adds keys with shapes of their own.
func (s *shape) and(props ...property) *shape {
	s.props = append(s.props, props...)
	return s
}

// configurationSchema is the map of a variable that Merge is set for; nil when nothing is
// known of it.
func configurationSchema(variable string) *shape {
	switch variable {
	case "CACHE_CONFIGURATION":
		return cacheSchema()
	case "SESSION_CONFIGURATION":
		return known("_merge save save_path cache_limiter cookie_lifetime name").and(property{key: "redis", shape: known("host port password user timeout retries read_timeout persistent_identifier database compression_threshold compression_library log_level max_concurrency break_after_frontend break_after_adminhtml first_lifetime bot_first_lifetime bot_lifetime disable_locking min_lifetime max_lifetime sentinel_servers sentinel_master sentinel_verify_master sentinel_connect_retries fail_after")})
	case "QUEUE_CONFIGURATION":
		return known("_merge consumers_wait_for_messages only_spawn_when_message_available default_connection topics config queues consumers publishers stomp activemq connections").
			and(property{key: "amqp", shape: known("host port user password virtualhost ssl ssl_options connections")})
	case "SEARCH_CONFIGURATION":
		return known("_merge engine hostname port index server_hostname server_port index_prefix enable_auth username password timeout elasticsearch_server_hostname elasticsearch5_server_hostname elasticsearch6_server_hostname elasticsearch7_server_hostname elasticsearch8_server_hostname opensearch_server_hostname elasticsearch_server_port elasticsearch5_server_port elasticsearch6_server_port elasticsearch7_server_port elasticsearch8_server_port opensearch_server_port")
	case "ELASTICSUITE_CONFIGURATION":
		return known("_merge indices_settings").and(property{key: "es_client", shape: known("servers indices_alias enable_https_mode enable_http_auth http_auth_user http_auth_pwd http_auth_encoded connection_timeout is_debug_mode_enabled max_parallel_handles max_retries loglevel")})
	case "DATABASE_CONFIGURATION":
		connection := mapOf("connection", known("host dbname username password port model engine initStatements active driver_options profiler unix_socket charset persistent synchronous_replication"))
		return known("_merge table_prefix").and(property{key: "connection", shape: connection}, property{key: "slave_connection", shape: connection})
	case "RESOURCE_CONFIGURATION":
		return known("_merge default_setup default_read default_write checkout sales")
	case "REMOTE_STORAGE":
		return known("adapter driver prefix").and(property{key: "config", shape: known("bucket region key secret endpoint path_style bucket_endpoint version credentials url use_path_style_endpoint")})
	}
	return nil
}

// cacheSchema is CACHE_CONFIGURATION.
func cacheSchema() *shape {
	options := known("server port database password persistent read_timeout automatic_cleaning_factor compress_data compress_tags compress_threshold compression_lib preload_keys use_lua lua_max_c_stack use_lua_on_gc remote_backend remote_backend_options local_backend local_backend_options use_stale_cache load_from_slave sentinel_master retry_reads_on_master cache_dir connect_retries timeout servers")
	s := known("_merge allow_parallel_generation").and(
		property{key: "frontend", shape: mapOf("frontend", known("backend id_prefix frontend frontend_options _useLua").and(property{key: "backend_options", shape: options}))},
		property{key: "type", shape: mapOf("type", known("frontend"))},
		property{key: "graphql", shape: known("id_salt")},
	)
	s.homes = map[string]string{}
	for _, p := range options.props {
		s.homes[p.key] = "frontend.<name>.backend_options"
	}
	return s.with(checkCacheTypes)
}

// checkCacheTypes notices cache types that name a frontend which is not there.
func checkCacheTypes(c *checker, n *node, path string) {
	names := []string{"default", "page_cache"}
	if frontends := n.get("frontend"); frontends.isMap() {
		for _, e := range frontends.entries {
			names = append(names, e.key)
		}
	}
	cacheTypes := n.get("type")
	if !cacheTypes.isMap() {
		return
	}
	missing := map[string][]string{} // frontend -> types
	first := map[string]Position{}
	for _, e := range cacheTypes.entries {
		f := e.value.get("frontend")
		if !f.given() || slices.Contains(names, f.str()) {
			continue
		}
		if missing[f.str()] = append(missing[f.str()], e.key); len(missing[f.str()]) == 1 {
			first[f.str()] = f.pos
		}
	}
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		c.notice(first[name], "unknown-frontend", fmt.Sprintf("cache %s %s: there is no frontend %s in %s", verb(len(missing[name]), "type", "types"), clip(join(missing[name], "and"), 200), show(name), below(path, "frontend")),
			"Magento takes the default one", cmp.Or(closestOnly(name, names), "define it below "+below(path, "frontend")))
	}
}

// variablesInside warns about variables that are indented into the map of another one: they
// are handed on as a part of it, and have no effect.
func (c *checker) variablesInside(name string, n *node) {
	if !n.isMap() {
		return
	}
	for _, e := range n.entries {
		if slices.ContainsFunc(stageTable(), func(v StageVariable) bool { return v.Name == e.key }) {
			c.warn(e.pos, "misplaced-variable", fmt.Sprintf("variable %s is inside variable %s", e.key, name), "it has no effect there", "check the indentation")
		}
	}
}

// searchEngine warns about an engine in capitals: Magento compares names as they are.
func (c *checker) searchEngine(n *node) {
	engine := n.get("engine")
	if low := strings.ToLower(engine.str()); low != engine.str() {
		c.warn(engine.pos, "unknown-value", "SEARCH_CONFIGURATION.engine is "+show(engine.str()), "names of engines are in lower case", "write "+clip(low, 60))
	}
}

var localePattern = regexp.MustCompile(`^[a-z]{2,3}(_[A-Z][a-z]{3})?_([A-Z]{2}|[0-9]{3})$`)

// checkMatrix checks SCD_MATRIX: locales by theme, each below "language".
func checkMatrix(c *checker, n *node, path string) {
	if n.kind == kindList && len(n.items) > 0 {
		c.warn(n.pos, "theme-left-out", path+" is a list", "the themes have no language, so they are left out of static content", `write a map by theme, each with "language:" and its locales`)
	}
	if !n.isMap() {
		return
	}
	for _, e := range n.entries {
		at := below(path, e.key)
		switch theme := e.value; {
		case theme.isMap():
			for _, locale := range theme.get("language").list() {
				c.locale(locale, below(at, "language"))
			}
		case !theme.saysNothing():
			c.warn(theme.pos, "theme-left-out", at+" has no language", "locales count only below it, so the theme is left out of static content", "write {language: ["+clip(strings.Join(theme.strings(), ", "), 60)+"]}")
		}
	}
}

// locale warns about a locale in a notation that Magento does not have: "en-US".
func (c *checker) locale(n *node, path string) {
	if localePattern.MatchString(n.str()) {
		return
	}
	language, region, _ := strings.Cut(strings.ReplaceAll(n.str(), "-", "_"), "_")
	if right := strings.ToLower(language) + "_" + strings.ToUpper(region); localePattern.MatchString(right) {
		c.warn(n.pos, "unknown-locale", path+" has the locale "+show(n.str()), "Magento has no such locale", "write "+right)
	}
}

// checkPages checks the patterns of WARM_UP_PAGES, "product:*:store"; other entries are paths,
// addresses and expressions.
func checkPages(c *checker, n *node, path string) {
	kinds := []string{"category", "cms-page", "product", "store-page"}
	for _, item := range n.list() {
		kind, rest, colon := strings.Cut(item.str(), ":")
		if colon && !strings.HasPrefix(rest, "//") && !slices.Contains(kinds, kind) && closest(kind, kinds) != "" {
			c.warn(item.pos, "unknown-value", path+" has the kind of page "+show(kind), "no page is loaded for it", closestOnly(kind, kinds))
		}
	}
}

// onDemand notices settings of static content that count for nothing because it is made when
// it is asked for.
func (c *checker) onDemand(stages *node) {
	if yes, _ := stages.at(StageGlobal, "SCD_ON_DEMAND").truth(); !yes {
		return
	}
	var names []string
	var first Position
	for _, stage := range []string{StageGlobal, StageBuild, StageDeploy} {
		n := stages.get(stage)
		if !n.isMap() {
			continue
		}
		for _, e := range n.entries {
			skip, given := e.value.truth()
			if e.key == "SKIP_SCD" && given && !skip || e.key == "SCD_MATRIX" && !e.value.saysNothing() {
				if names = append(names, e.key); len(names) == 1 {
					first = e.pos
				}
			}
		}
	}
	if len(names) > 0 {
		slices.Sort(names)
		names = slices.Compact(names)
		c.notice(first, "ignored-key", join(names, "and")+verb(len(names), " has", " have")+" no effect", "SCD_ON_DEMAND is true, so no static content is built", "remove one or the other")
	}
}
