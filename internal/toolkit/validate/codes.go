package validate

// The codes of findings; fault.Lookup has their titles and suggestions.
const (
	codeComposerFile         = 8
	codeAutoload             = 9
	codeStageConfig          = 10
	codePackageMissing       = 25
	codeBraintreeApplication = 26

	codeDatabase             = 109
	codeSession              = 110
	codeSearch               = 111
	codeResource             = 112
	codeSuiteWithoutService  = 113
	codeSuiteOtherEngine     = 114
	codeBraintreeVariable    = 133
	codeElasticsearchMissing = 134
	codeEngineMySQL          = 135
	codeSplitRemoved         = 136
	codeOpenSearchMissing    = 138
	codeOpenSearchOnly       = 139

	codeNoConfigFile    = 1001
	codeBuildOptions    = 1002
	codeNoModules       = 1003
	codeBuildVersion    = 1004
	codeBuildScdIgnored = 1005
	codeIdealState      = 1006
	codeBaler           = 1007
	codeOpcache         = 1008

	codeSplitConnection      = 2002
	codeReportDirDiffers     = 2003
	codeReportDirInvalid     = 2004
	codeAdminUnused          = 2005
	codeAdminWithoutEmail    = 2006
	codePHPVersion           = 2007
	codeSolrDeprecated       = 2008
	codeSolrRemoved          = 2009
	codeElasticsearchUnused  = 2010
	codeElasticsearchVersion = 2011
	codeDeployVersion        = 2012
	codeDeployScdIgnored     = 2013
	codeDeprecatedVariables  = 2014
	codeCloudVariables       = 2015
	codeNoJSON               = 2016
	codeServiceVersion       = 2017
	codeServiceEOL           = 2018
	codeMySQLSearch          = 2019
	codeMageMode             = 2027
	codeSplitDeprecated      = 2029
	codeBothSearchServices   = 2030

	codeDebugLogging = 3001
)
