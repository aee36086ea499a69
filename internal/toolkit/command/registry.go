package command

import (
	"context"

	"sluice/internal/toolkit/buildstep"
	"sluice/internal/toolkit/configstep"
	"sluice/internal/toolkit/deploystep"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/poststep"
	"sluice/internal/toolkit/scenario"
	"sluice/internal/toolkit/tree"
	"sluice/internal/toolkit/validate"
)

// registry returns the types that scenarios may name. A session
// is needed to run them, not to know them.
func registry(*session) *scenario.Registry {
	r := &scenario.Registry{}
	r.Add(`Psr\Log\LoggerInterface`, func(k *kit.Kit, _ scenario.Arguments) (any, error) { return k.Log, nil })
	r.Add(`OnFail\Action\CreateDeployFailedFlag`, func(k *kit.Kit, _ scenario.Arguments) (any, error) {
		return failedFlag{k}, nil
	})
	buildstep.Register(r)
	configstep.Register(r)
	deploystep.Register(r)
	poststep.Register(r)
	validate.Register(r, facts())
	return r
}

// failedFlag is the action that tells post-deploy of a failure.
type failedFlag struct{ kit *kit.Kit }

// RunOnFail sets the flag.
func (a failedFlag) RunOnFail(context.Context) error {
	a.kit.Tree.SetFlag(tree.FlagDeployFailed, a.kit.Log)
	return nil
}
