package configstep

import (
	"context"
	"fmt"

	"sluice/internal/toolkit/envphp"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/services"
	"sluice/internal/toolkit/tree"
)

// searchEngine writes the search settings: into env.php, for Magento
// 2.1 into config.php.
func searchEngine(ctx context.Context, k *kit.Kit) error {
	in, err := gather(k)
	if err != nil {
		return err
	}
	k.Log.Info("Updating search engine configuration.")
	search, err := Search(ctx, k, in)
	if err != nil {
		return err
	}
	suite := envphp.ElasticSuite(in, suiteTemplate(ctx, k, in))
	k.Log.Infof("Set search engine to: %s", search.Text("engine"))
	file := envFile(k)
	if !in.Magento.AtLeast("2.2") {
		file = k.PHPFile(tree.ConfigPHP)
	}
	before, err := file.Read()
	if err != nil {
		return fault.Wrap(codeEnvPHP, err)
	}
	return save(k, file, before, envphp.PutSearch(before, search, suite))
}

// Search returns the search settings that this environment gets. It asks Elasticsearch for
// its version when the name of the engine depends on it.
func Search(ctx context.Context, k *kit.Kit, in envphp.Input) (*phparray.Array, error) {
	version := ""
	e := services.Elasticsearch(in.Relationships)
	if e.Exists() && !services.OpenSearch(in.Relationships).Exists() {
		var err error
		if version, err = services.Version(ctx, k.HTTP, e); err != nil {
			return nil, err
		}
	}
	return envphp.Search(in, version), nil
}

// suiteTemplate asks for the shards and replicas that the service wants indexes to have.
func suiteTemplate(ctx context.Context, k *kit.Kit, in envphp.Input) *phparray.Array {
	e := services.Elasticsearch(in.Relationships)
	if !in.ElasticSuite || !e.Exists() || services.OpenSearch(in.Relationships).Exists() {
		return nil // only Elasticsearch services of the platform have such a template
	}
	const name = "platformsh_index_settings"
	var templates map[string]struct {
		Settings struct {
			Index map[string]any `json:"index"`
		} `json:"settings"`
	}
	if err := services.AskSearch(ctx, k.HTTP, e, "/_template/"+name, &templates); err != nil {
		k.Log.Warning(fmt.Sprintf("Can't get configuration of elasticsearch: %v", err))
		return nil
	}
	index, _ := phparray.From(templates[name].Settings.Index).(*phparray.Array)
	return index
}
