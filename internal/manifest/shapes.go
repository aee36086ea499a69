package manifest

import "sync"

// The shapes of the files and the table of stage variables: each is made once, when it is
// first needed, and never changed.
//
//nolint:gochecknoglobals // immutable
var (
	applicationShape  = sync.OnceValue(applicationSchema)
	servicesShape     = sync.OnceValue(servicesSchema)
	mysqlShape        = sync.OnceValue(mysqlSchema)
	cacheServiceShape = sync.OnceValue(cacheServiceSchema)
	queueServiceShape = sync.OnceValue(queueServiceSchema)
	searchShape       = sync.OnceValue(searchSchema)
	routesShape       = sync.OnceValue(routesSchema)
	envShape          = sync.OnceValue(envSchema)
	cloneShape        = sync.OnceValue(cloneSchema)
	stageTable        = sync.OnceValue(StageVariables)
	mapShapes         = sync.OnceValue(func() map[string]*shape {
		out := map[string]*shape{}
		for _, v := range StageVariables() {
			out[v.Name] = configurationSchema(v.Name)
		}
		return out
	})
)

// configurationShape is the shape of a variable's map; nil when nothing is known of it.
func configurationShape(variable string) *shape { return mapShapes()[variable] }
