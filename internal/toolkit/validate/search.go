package validate

import (
	"context"
	"fmt"
	"strings"

	"sluice/internal/composer"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
)

const (
	elasticsearch = "elasticsearch"
	opensearch    = "opensearch"
)

func has(k *kit.Kit, relationship string) bool {
	return k.Platform.Relationship(relationship).Len() > 0
}

// liveSearch reports whether the search of the cloud replaces a search service.
func liveSearch(k *kit.Kit) (bool, error) { return moduleEnabled(k, "Magento_LiveSearchAdapter") }

// elasticSearchIntegrity wants a search service where Magento needs one.
func elasticSearchIntegrity(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	version, err := k.MagentoVersion()
	if err != nil {
		return nil, err
	}
	if version.Satisfies(">=2.4.3-p2") && has(k, opensearch) || !version.AtLeast("2.4.0") || has(k, elasticsearch) {
		return nil, nil
	}
	live, err := liveSearch(k)
	if err != nil || live {
		return nil, err
	}
	return titled(codeElasticsearchMissing), nil
}

// openSearchIntegrity wants OpenSearch only where Magento knows it, and some search service
// where it needs one.
func openSearchIntegrity(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	version, err := k.MagentoVersion()
	if err != nil {
		return nil, err
	}
	switch {
	case version.AtLeast("2.4.0") && has(k, elasticsearch):
		return nil, nil
	case has(k, opensearch):
		if !version.Satisfies(">=2.3.7-p3 <2.4.0 || >=2.4.3-p2") {
			return titled(codeOpenSearchOnly), nil
		}
		return nil, nil
	case !version.Satisfies(">=2.4.3-p2"):
		return nil, nil
	}
	live, err := liveSearch(k)
	if err != nil || live {
		return nil, err
	}
	return titled(codeOpenSearchMissing), nil
}

// elasticSuiteIntegrity wants a service for ElasticSuite, and no other engine beside it.
func elasticSuiteIntegrity(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	lock, err := k.Tree.Lock()
	if err != nil || !lock.Has("smile/elasticsuite") {
		return nil, err
	}
	if !has(k, elasticsearch) && !has(k, opensearch) {
		return finding(codeSuiteWithoutService, "ElasticSuite is installed without available ElasticSearch or OpenSearch service.", ""), nil
	}
	config, err := k.Stages.Deploy.Map("SEARCH_CONFIGURATION")
	if err != nil {
		return nil, err
	}
	if engine := config.Text("engine"); engine != "" && !strings.EqualFold(engine, "elasticsuite") {
		return finding(codeSuiteOtherEngine, fmt.Sprintf("ElasticSuite is installed but %s set as search engine.", engine), ""), nil
	}
	return nil, nil
}

// solrIntegrity warns of a service that no Magento uses any more.
func solrIntegrity(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	if !has(k, "solr") {
		return nil, nil
	}
	version, err := k.MagentoVersion()
	if err != nil {
		return nil, err
	}
	const text = "Configuration for Solr was found in .magento.app.yaml."
	switch {
	case version.Satisfies("2.1.*"):
		return finding(codeSolrDeprecated, text, "Solr support has been deprecated in Magento 2.1. Remove the relationship."), nil
	case version.Satisfies(">=2.2"):
		return finding(codeSolrRemoved, text, "Solr is no longer supported by Magento 2.2 or later. Remove the relationship."), nil
	}
	return nil, nil
}

// bothSearchServices warns of two search services.
func bothSearchServices(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	if has(k, elasticsearch) && has(k, opensearch) {
		return titled(codeBothSearchServices), nil
	}
	return nil, nil
}

// Engine says which search engine the environment gets.
type Engine func(ctx context.Context, k *kit.Kit) (string, error)

// elasticFamily reports whether an engine is one that talks to Elasticsearch.
func elasticFamily(engine string) bool {
	return strings.HasPrefix(engine, elasticsearch) || strings.HasPrefix(engine, opensearch) || engine == "elasticsuite"
}

// elasticSearchUsage warns of a search service that is not used.
func elasticSearchUsage(engine Engine) checkFunc {
	return func(ctx context.Context, k *kit.Kit) (*fault.Fault, error) {
		if !has(k, elasticsearch) {
			return nil, nil
		}
		name, err := engine(ctx, k)
		if err != nil || elasticFamily(name) {
			return nil, err
		}
		return finding(codeElasticsearchUnused, "Elasticsearch service is installed at infrastructure layer but is not used as a search engine.", ""), nil
	}
}

// deprecatedSearchEngine warns of MySQL as a search engine.
func deprecatedSearchEngine(engine Engine) checkFunc {
	return func(ctx context.Context, k *kit.Kit) (*fault.Fault, error) {
		name, err := engine(ctx, k)
		if err != nil || name != "mysql" {
			return nil, err
		}
		return finding(codeMySQLSearch, "The MySQL search configuration option is deprecated. Use Elasticsearch instead.", ""), nil
	}
}

// clientRules say which service a version of the PHP client can talk to; the first that
// fits the client counts.
func clientRules() []struct{ client, service, advice string } {
	return []struct{ client, service, advice string }{
		{"~2.0", ">=1.0 <3.0", "1.x or 2.x"},
		{"~5.0", "~5.0", "5.x"},
		{"~6.0", "~6.0", "6.x"},
		{">=7.5", ">=7.5", ">=7.5"},
	}
}

// elasticSearchVersion warns of a client in composer.lock that the service does not
// understand.
func elasticSearchVersion(engine Engine, found Services) checkFunc {
	return func(ctx context.Context, k *kit.Kit) (*fault.Fault, error) {
		lock, err := k.Tree.Lock()
		if err != nil {
			return nil, err
		}
		pkg, ok := lock.Find("elasticsearch/elasticsearch")
		if !ok || !has(k, elasticsearch) {
			return nil, nil
		}
		name, err := engine(ctx, k)
		if err != nil || !elasticFamily(name) {
			return nil, err
		}
		service, err := found.Version(ctx, k, elasticsearch)
		if err != nil {
			return nil, err
		}
		return clientMismatch(k, pkg.Version, service)
	}
}

func clientMismatch(k *kit.Kit, client, service string) (*fault.Fault, error) {
	c, err := composer.ParseVersion(client)
	if err != nil {
		return nil, nil //nolint:nilerr // a branch of the client fits whatever its user says
	}
	s, err := composer.ParseVersion(service)
	if err != nil {
		return nil, nil //nolint:nilerr // the service does not tell; nothing can be compared
	}
	for _, rule := range clientRules() {
		if !c.Satisfies(rule.client) {
			continue
		}
		if s.Satisfies(rule.service) {
			return nil, nil
		}
		advice := fmt.Sprintf("You can fix this issue by upgrading or downgrading the Elasticsearch service on your Magento Cloud infrastructure to version %s.", rule.advice)
		version, err := k.MagentoVersion()
		if err != nil {
			return nil, err
		}
		if rule.client == "~5.0" && s.Satisfies("<3.0") && version.Satisfies("~2.2.3") {
			advice = "You can fix this issue in one of two ways:\n  - upgrade the Elasticsearch service to version 5.x (recommended)\n" +
				"  - require version ~2.0 of the elasticsearch/elasticsearch package: composer require \"elasticsearch/elasticsearch:~2.0\""
		}
		return finding(codeElasticsearchVersion, fmt.Sprintf("Elasticsearch service version %s on infrastructure layer is not compatible with current version of elasticsearch/elasticsearch module (%s), used by your Magento application.",
			service, client), advice), nil
	}
	return nil, nil
}
