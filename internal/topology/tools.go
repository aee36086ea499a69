package topology

import (
	"slices"

	"sluice/internal/catalog"
	"sluice/internal/contract"
	"sluice/internal/manifest"
)

// ToolsImage returns the image that the build of an application has to run in beside its
// runtime image: one with Node, Ruby, Python and a compiler, when its dependencies or its
// build hook use one of them. ok is false when it needs none, or its runtime has none.
func ToolsImage(c *catalog.Catalog, app *manifest.Application) (img catalog.Image, ok bool) {
	runtime, known := c.Runtime(app.Type.Name, app.Type.Version)
	if !known || runtime.Build.Name == "" {
		return catalog.Image{}, false
	}
	foreign := slices.ContainsFunc(app.Dependencies, func(d manifest.Dependency) bool { return d.Language != "php" })
	return runtime.Build, foreign || slices.ContainsFunc(contract.Programs(app.Hooks.Build), isTool)
}

// isTool reports whether only the build image has a program.
func isTool(name string) bool {
	switch name {
	case "npm", "npx", "node", "nodejs", "yarn", "yarnpkg", "pnpm", "corepack", "gulp", "grunt", "bower", "nvm", "n",
		"gem", "bundle", "bundler", "ruby", "pip", "pip3", "python3", "make", "gcc", "g++":
		return true
	}
	return false
}

// ToolsOf names the build image of an application's type among digests of runtime images.
func ToolsOf(app *manifest.Application) string { return app.Type.String() + " " + KeyToolsImage }
