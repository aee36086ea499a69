package manifest

import (
	"fmt"
	"slices"
	"strings"

	"sluice/internal/catalog"
)

// plugins warns about plugins of a search service: nothing installs any, and an index that
// needs one cannot be made. An image that the operator names may have them.
func (p *parser) plugins(m *Manifest) {
	for _, s := range m.Services {
		list := p.services.get(s.Name).at("configuration", "plugins")
		if s.Type.Name != "opensearch" && s.Type.Name != "elasticsearch" || len(list.strings()) == 0 {
			continue
		}
		entry, _ := p.serviceEntry(s)
		if stock, ok := catalog.Default().Service(s.Type.Name, s.Type.Version); ok && entry.Image.Reference != stock.Image.Reference {
			p.check.notice(list.pos, "ignored-key", below(s.Name, "configuration.plugins")+" has no effect here", "the image that the operator named has its own plugins", "")
			continue
		}
		why := "the image has only the plugins that its makers ship"
		if usesElasticSuite(m) {
			why += "; ElasticSuite makes no index without analysis-icu and analysis-phonetic"
		}
		p.check.warn(list.pos, "missing-plugin", fmt.Sprintf("service %s is started without %s", show(s.Name), clip(join(list.strings(), "and"), 200)), why,
			"have the operator name an image that has them in the server's catalog file")
	}
}

// usesElasticSuite reports whether the search engine of an application is ElasticSuite.
func usesElasticSuite(m *Manifest) bool {
	return slices.ContainsFunc(m.Apps, func(a *Application) bool {
		if a.Env == nil {
			return false
		}
		deploy := a.Env.Stage[StageDeploy]
		search, _ := deploy["SEARCH_CONFIGURATION"].(map[string]any)
		engine, _ := search["engine"].(string)
		return strings.EqualFold(engine, "elasticsuite") || deploy["ELASTICSUITE_CONFIGURATION"] != nil
	})
}
