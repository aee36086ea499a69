package manifest

import "sync"

// The shapes of the files and the table of stage variables: each is made once, when it is
// first needed, and never changed.
//
//nolint:gochecknoglobals // immutable
var (
	applicationShape = sync.OnceValue(applicationSchema)
	servicesShape    = sync.OnceValue(servicesSchema)
	mysqlShape       = sync.OnceValue(mysqlSchema)
	searchShape      = sync.OnceValue(searchSchema)
	routesShape      = sync.OnceValue(routesSchema)
	envShape         = sync.OnceValue(envSchema)
	stageTable       = sync.OnceValue(StageVariables)
)
