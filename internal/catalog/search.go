package catalog

import "strings"

func opensearch() kind {
	return searchKind("opensearch", func(_ string, s *Service) {
		s.DataDir = "/usr/share/opensearch/data"
		s.Env["OPENSEARCH_JAVA_OPTS"] = s.Env["ES_JAVA_OPTS"]
		delete(s.Env, "ES_JAVA_OPTS")
		s.Env["DISABLE_SECURITY_PLUGIN"] = "true" // the network is the environment's own
		s.Env["DISABLE_INSTALL_DEMO_CONFIG"] = "true"
		s.Command = []string{"sh", "-c", searchCommand("opensearch", "/usr/share/opensearch/opensearch-docker-entrypoint.sh opensearch")}
	})
}

func elasticsearch() kind {
	return searchKind("elasticsearch", func(version string, s *Service) {
		s.DataDir = "/usr/share/elasticsearch/data"
		if !strings.HasPrefix(version, "5.") {
			s.Env["xpack.security.enabled"] = "false"
		}
		s.Command = []string{"sh", "-c", searchCommand("elasticsearch", "/usr/local/bin/docker-entrypoint.sh eswrapper")}
	})
}

// searchKind is a search server; Debian packages none, so all versions are references.
func searchKind(name string, official func(version string, s *Service)) kind {
	return kind{
		software: name,
		service: Service{
			Endpoint: name, Scheme: "http", Port: 9200,
			Persistent: true,
			User:       "1000:1000",
			Health:     []string{"curl", "--fail", "--silent", "--max-time", "5", "--output", "/dev/null", "http://127.0.0.1:9200/_cluster/health"},
			Stop:       stopService,
			Env: map[string]string{
				"discovery.type": "single-node",
				"path.logs":      "/tmp",
				"ES_JAVA_OPTS":   "-Xms512m -Xmx512m",
			},
		},
		official: official,
	}
}

// searchCommand starts a search server whose configuration directory, which it writes
// its keystore to, is copied out of the read-only root first, without the garbage
// collector's log.
func searchCommand(name, entrypoint string) string {
	variable := map[string]string{"opensearch": "OPENSEARCH_PATH_CONF", "elasticsearch": "ES_PATH_CONF"}[name]
	return "cp -r /usr/share/" + name + "/config /tmp/config && sed -i /gc.log/d /tmp/config/jvm.options && export " + variable + "=/tmp/config && exec " + entrypoint
}
