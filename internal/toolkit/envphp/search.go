package envphp

import (
	"strings"

	"sluice/internal/composer"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/services"
)

// SearchEngine returns the name of Magento's engine for a search service: the version of
// Elasticsearch is part of it.
func SearchEngine(magento composer.Version, e services.Endpoint, elasticVersion string) string {
	if e.Name == "opensearch" {
		if magento.AtLeast("2.4.6") {
			return "opensearch"
		}
		return "elasticsearch7"
	}
	major, _, _ := strings.Cut(elasticVersion, ".")
	if len(major) == 1 && major < "5" {
		return "elasticsearch"
	}
	return "elasticsearch" + major
}

// Search makes system.default.catalog.search. elasticVersion is the version of the
// Elasticsearch service; it is not needed when there is none or OpenSearch goes first.
func Search(in Input, elasticVersion string) *phparray.Array {
	custom := in.Variables.Search
	section := searchService(in, elasticVersion)
	switch {
	case phparray.MergeRequired(custom):
		section = phparray.Replace(section, phparray.WithoutMerge(custom))
	case phparray.Truthy(custom.Get("engine")):
		section = phparray.WithoutMerge(custom).Clone()
	}
	if in.ElasticSuite {
		section.Set("engine", "elasticsuite")
	}
	return section
}

func searchService(in Input, elasticVersion string) *phparray.Array {
	if e := services.OpenSearch(in.Relationships); e.Exists() {
		return searchConnection(SearchEngine(in.Magento, e, ""), e)
	}
	if e := services.Elasticsearch(in.Relationships); e.Exists() {
		return searchConnection(SearchEngine(in.Magento, e, elasticVersion), e)
	}
	if e := services.Solr(in.Relationships); e.Exists() && !in.Magento.AtLeast("2.2") {
		return phparray.Map(
			"engine", "solr", "solr_server_hostname", e.Host(), "solr_server_port", e.Get("port"),
			"solr_server_username", e.Text("scheme"), "solr_server_path", e.Text("path"),
		)
	}
	return phparray.Map("engine", "mysql")
}

func searchConnection(engine string, e services.Endpoint) *phparray.Array {
	c := phparray.Map("engine", engine, engine+"_server_hostname", e.SearchURL(), engine+"_server_port", e.Get("port"))
	if user, password, ok := e.Credentials(); ok {
		c.Set(engine+"_enable_auth", 1)
		c.Set(engine+"_username", user)
		c.Set(engine+"_password", password)
	}
	if index := e.Index(); index != "" {
		c.Set(engine+"_index_prefix", index)
	}
	return c
}

// ElasticSuite makes system.default.smile_elasticsuite_core_base_settings; nil without the
// module. index are the settings of the server's index template, which may be empty.
func ElasticSuite(in Input, index *phparray.Array) *phparray.Array {
	if !in.ElasticSuite {
		return nil
	}
	return phparray.Merge(elasticSuite(in, index), in.Variables.Suite)
}

func elasticSuite(in Input, index *phparray.Array) *phparray.Array {
	section := phparray.New()
	e := services.Search(in.Relationships)
	if !e.Exists() {
		return section
	}
	section.SetAt(e.Host()+":"+e.Text("port"), "es_client", "servers")
	if e.Text("scheme") == "https" {
		section.SetAt(1, "es_client", "enable_https_mode")
	}
	if user, password, ok := e.Credentials(); ok {
		section.SetAt(1, "es_client", "enable_http_auth")
		section.SetAt(user, "es_client", "http_auth_user")
		section.SetAt(password, "es_client", "http_auth_pwd")
	}
	if alias := e.Index(); alias != "" {
		section.SetAt(alias, "es_client", "indices_alias")
	}
	for _, name := range []string{"number_of_shards", "number_of_replicas"} {
		if index.Has(name) {
			section.SetAt(phparray.Number(index.Get(name)), "indices_settings", name)
		}
	}
	return section
}

// PutSearch returns a configuration with new search settings in place of the old ones; all
// other settings below system stay.
func PutSearch(config, search, suite *phparray.Array) *phparray.Array {
	out := config.Clone()
	out.Unset("system", "default", "catalog", "search")
	out.Unset("system", "default", "smile_elasticsuite_core_base_settings")
	out.SetAt(search, "system", "default", "catalog", "search")
	if suite.Len() > 0 {
		out.SetAt(suite, "system", "default", "smile_elasticsuite_core_base_settings")
	}
	return out
}
