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

// Register adds the validators and their step under the names that scenarios use (spec:
// ece-tools 2).
func Register(r *scenario.Registry, facts Facts) {
	r.Add(`Step\ValidateConfiguration`, NewConfiguration)
	add := func(name string, check Check) {
		r.AddValidator(name, func(k *kit.Kit) kit.Validator { return New(k, check) })
	}
	for name, check := range buildChecks() {
		add(`Validator\Build\`+name, check)
	}
	for name, check := range deployChecks(facts) {
		add(`Validator\Deploy\`+name, check)
	}
	add(`Validator\IdealState`, IdealState)
	add(`Validator\GlobalStage\ScdOnBuild`, ScdOnBuild)
	add(`Validator\GlobalStage\ScdOnDeploy`, ScdOnDeploy)
	add(`Validator\GlobalStage\SkipHtmlMinification`, SkipHTMLMinification)
	add(`ServiceEol.Warnings`, ServiceEOL(facts.Services, fault.Warning))
	add(`ServiceEol.Notices`, ServiceEOL(facts.Services, fault.Notice))
}

func buildChecks() map[string]Check {
	return map[string]Check{
		"ComposerFile":               ComposerFile,
		"StageConfig":                StageConfig,
		"MagentoAppYaml":             MagentoAppYaml,
		"ConfigFileExists":           ConfigFileExists,
		"OpcacheExcludePaths":        OpcacheExcludePaths,
		"UnsupportedBuildOptionsIni": UnsupportedBuildOptionsIni,
		"ModulesExists":              ModulesExists,
		"AppropriateVersion":         BuildVersion,
		"ScdOptionsIgnorance":        BuildScdIgnored,
		"ConfigFileStructure":        ConfigFileStructure,
		"BalerSupport":               BalerSupport,
	}
}

func deployChecks(facts Facts) map[string]Check {
	return map[string]Check{
		"EnvironmentVariables":                 EnvironmentVariables,
		"DatabaseConfiguration":                DatabaseConfiguration,
		"SearchConfiguration":                  SearchConfiguration,
		"ResourceConfiguration":                ResourceConfiguration(facts),
		"SessionConfiguration":                 SessionConfiguration,
		"ElasticSearchIntegrity":               ElasticSearchIntegrity,
		"OpenSearchIntegrity":                  OpenSearchIntegrity,
		"ElasticSuiteIntegrity":                ElasticSuiteIntegrity,
		"RemovedSplitDb":                       RemovedSplitDb,
		"MageModeVariable":                     MageMode,
		"DatabaseSplitConnection":              DatabaseSplitConnection,
		"ReportDirNestingLevel":                ReportDirNestingLevel,
		"AdminData":                            AdminData(facts.Installed),
		"PhpVersion":                           PHPVersion(facts.Services),
		"SolrIntegrity":                        SolrIntegrity,
		"ElasticSearchUsage":                   ElasticSearchUsage(facts.Engine),
		"ElasticSearchVersion":                 ElasticSearchVersion(facts.Engine, facts.Services),
		"OpenSearchElasticSearchBothInstalled": BothSearchServices,
		"AppropriateVersion":                   DeployVersion,
		"ScdOptionsIgnorance":                  DeployScdIgnored,
		"DeprecatedVariables":                  DeprecatedVariables,
		"MagentoCloudVariables":                MagentoCloudVariables,
		"JsonFormatVariable":                   JSONFormat,
		"ServiceVersion":                       ServiceVersion(facts.Services),
		"DeprecatedSearchEngine":               DeprecatedSearchEngine(facts.Engine),
		"DeprecatedSplitDb":                    DeprecatedSplitDb,
		"DebugLogging":                         DebugLogging,
		"PostDeploy":                           PostDeployHook,
	}
}
