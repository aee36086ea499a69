package command

import (
	"context"

	"sluice/internal/toolkit/deploystep"
	"sluice/internal/toolkit/envphp"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/validate"
)

// facts answer what the validators of the deploy stage ask of other packages.
func facts() validate.Facts {
	return validate.Facts{Installed: deploystep.Installed, Engine: engine, Resources: resources, Services: validate.Environment{}}
}

// engine returns the search engine that the environment gets.
func engine(_ context.Context, k *kit.Kit) (string, error) {
	in, err := envphp.Gather(k)
	if err != nil {
		return "", err
	}
	return envphp.Search(in, "").Text("engine"), nil
}

// resources returns the resources of env.php as they will be written.
func resources(_ context.Context, k *kit.Kit) (map[string]string, error) {
	in, err := envphp.Gather(k)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for name, v := range envphp.Resources(in).All() {
		resource, _ := v.(*phparray.Array)
		out[name.String()] = resource.Text("connection")
	}
	return out, nil
}
