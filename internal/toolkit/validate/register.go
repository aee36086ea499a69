package validate

import (
	"context"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/scenario"
)

// Facts are what validators need to know of an environment and do not find out themselves.
type Facts struct {
	// Installed reports whether Magento is installed in the environment's database.
	Installed func(ctx context.Context, k *kit.Kit) (bool, error)
	// Engine says which search engine the environment gets.
	Engine Engine
	// Resources returns the resources of env.php as they will be written: name -> connection.
	Resources func(ctx context.Context, k *kit.Kit) (map[string]string, error)
	// Services says which versions the services have.
	Services Services
}

// Register adds the validators and their step under the names that scenarios use.
func Register(r *scenario.Registry, facts Facts) {
	r.Add(`Step\ValidateConfiguration`, newConfiguration)
	add := func(name string, check checkFunc) {
		r.AddValidator(name, func(k *kit.Kit) kit.Validator { return newValidator(k, check) })
	}
	for name, check := range buildChecks() {
		add(`Validator\Build\`+name, check)
	}
	for name, check := range deployChecks(facts) {
		add(`Validator\Deploy\`+name, check)
	}
	add(`Validator\IdealState`, idealState)
	add(`Validator\GlobalStage\ScdOnBuild`, scdOnBuild)
	add(`Validator\GlobalStage\ScdOnDeploy`, ScdOnDeploy)
	add(`Validator\GlobalStage\SkipHtmlMinification`, skipHTMLMinification)
	add(`ServiceEol.Warnings`, serviceEOL(facts.Services, fault.Warning))
	add(`ServiceEol.Notices`, serviceEOL(facts.Services, fault.Notice))
}

func buildChecks() map[string]checkFunc {
	return map[string]checkFunc{
		"ComposerFile":               composerFile,
		"StageConfig":                StageConfig,
		"MagentoAppYaml":             magentoAppYaml,
		"ConfigFileExists":           configFileExists,
		"OpcacheExcludePaths":        opcacheExcludePaths,
		"UnsupportedBuildOptionsIni": unsupportedBuildOptionsIni,
		"ModulesExists":              modulesExists,
		"AppropriateVersion":         buildVersion,
		"ScdOptionsIgnorance":        buildScdIgnored,
		"ConfigFileStructure":        configFileStructure,
		"BalerSupport":               balerSupport,
	}
}

func deployChecks(facts Facts) map[string]checkFunc {
	return map[string]checkFunc{
		"EnvironmentVariables":                 environmentVariables,
		"DatabaseConfiguration":                databaseConfiguration,
		"SearchConfiguration":                  searchConfiguration,
		"ResourceConfiguration":                resourceConfiguration(facts),
		"SessionConfiguration":                 sessionConfiguration,
		"ElasticSearchIntegrity":               elasticSearchIntegrity,
		"OpenSearchIntegrity":                  openSearchIntegrity,
		"ElasticSuiteIntegrity":                elasticSuiteIntegrity,
		"RemovedSplitDb":                       removedSplitDb,
		"MageModeVariable":                     mageMode,
		"DatabaseSplitConnection":              databaseSplitConnection,
		"ReportDirNestingLevel":                reportDirNestingLevel,
		"AdminData":                            unusedAdminData(facts.Installed),
		"PhpVersion":                           recommendedPHP(facts.Services),
		"SolrIntegrity":                        solrIntegrity,
		"ElasticSearchUsage":                   elasticSearchUsage(facts.Engine),
		"ElasticSearchVersion":                 elasticSearchVersion(facts.Engine, facts.Services),
		"OpenSearchElasticSearchBothInstalled": bothSearchServices,
		"AppropriateVersion":                   deployVersion,
		"ScdOptionsIgnorance":                  deployScdIgnored,
		"DeprecatedVariables":                  deprecatedVariables,
		"MagentoCloudVariables":                magentoCloudVariables,
		"JsonFormatVariable":                   jsonFormat,
		"ServiceVersion":                       serviceVersion(facts.Services),
		"DeprecatedSearchEngine":               deprecatedSearchEngine(facts.Engine),
		"DeprecatedSplitDb":                    deprecatedSplitDb,
		"DebugLogging":                         debugLogging,
		"PostDeploy":                           postDeployHook,
	}
}
