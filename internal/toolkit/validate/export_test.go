package validate

// What the tests from outside ask directly.
var (
	NewConfiguration      = newConfiguration
	ReportDirNestingLevel = reportDirNestingLevel
)
