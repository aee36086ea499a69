package httpapi

import (
	"context"
	"net/http"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/platform"
)

// branch makes an environment from the one that the path names.
func (a *api) branch(w http.ResponseWriter, r *http.Request, s scope) error {
	var req apiv1.Branch
	if err := readJSON(r, &req); err != nil {
		return err
	}
	wanted := platform.BranchRequest{
		CloneRequest: platform.CloneRequest{NoCloneParent: req.CloneParent != nil && !*req.CloneParent, KeepPersonalData: req.KeepPersonalData},
		Name:         req.Name, Parent: s.env, Title: req.Title, Type: platform.EnvironmentType(req.Type),
	}
	kind := wanted.Type
	if kind == "" {
		kind = platform.Development
	}
	if err := s.subject.Require(access.Branch, s.project.ID, kind); err != nil {
		return err
	}
	return a.operate(w, r, s, func(ctx context.Context, env platform.Environment) (platform.Activity, error) {
		if err := a.mayKeep(ctx, s, env.Name, req.KeepPersonalData); err != nil {
			return platform.Activity{}, err
		}
		return a.Deployments.Branch(ctx, s.project.ID, wanted, s.subject.Actor)
	})
}

// mayKeep lets admins of an environment take its personal data along, and records that they do.
func (a *api) mayKeep(ctx context.Context, s scope, from string, keep bool) error {
	if !keep {
		return nil
	}
	if err := a.Gate.Authorize(ctx, s.subject, access.PersonalData, s.project.ID, from); err != nil {
		return err
	}
	return a.Gate.Record(ctx, s.subject, access.PersonalData, s.project.ID, from, "")
}

// mayUseParent asks for a permission on the parent of an environment that has one.
func (a *api) mayUseParent(ctx context.Context, s scope, p access.Permission, env platform.Environment) error {
	if env.Parent == "" {
		return nil
	}
	return a.Gate.Authorize(ctx, s.subject, p, s.project.ID, env.Parent)
}

// activate starts the first deployment of an environment.
func (a *api) activate(w http.ResponseWriter, r *http.Request, s scope) error {
	var req apiv1.Clone
	if err := readJSON(r, &req); err != nil {
		return err
	}
	return a.operate(w, r, s, func(ctx context.Context, env platform.Environment) (platform.Activity, error) {
		if err := a.mayKeep(ctx, s, env.Parent, req.KeepPersonalData); err != nil {
			return platform.Activity{}, err
		}
		clone := platform.CloneRequest{NoCloneParent: req.CloneParent != nil && !*req.CloneParent, KeepPersonalData: req.KeepPersonalData}
		return a.Deployments.Activate(ctx, s.project.ID, env.Name, clone, s.subject.Actor)
	})
}

// merge brings an environment's code to its parent, which the subject has to be allowed to
// push to.
func (a *api) merge(w http.ResponseWriter, r *http.Request, s scope) error {
	return a.operate(w, r, s, func(ctx context.Context, env platform.Environment) (platform.Activity, error) {
		if err := a.mayUseParent(ctx, s, access.CodePush, env); err != nil {
			return platform.Activity{}, err
		}
		return a.Deployments.Merge(ctx, s.project.ID, env.Name, s.subject.Actor)
	})
}

// synchronize brings the parent's code or data to an environment.
func (a *api) synchronize(w http.ResponseWriter, r *http.Request, s scope) error {
	var req apiv1.Synchronize
	if err := readJSON(r, &req); err != nil {
		return err
	}
	if req.Resources && !req.Code && !req.Data {
		return invalid("synchronize_resources", "resources are in the configuration files and come with the code; nothing was started")
	}
	return a.operate(w, r, s, func(ctx context.Context, env platform.Environment) (platform.Activity, error) {
		if err := a.mayUseParent(ctx, s, access.EnvironmentView, env); err != nil {
			return platform.Activity{}, err
		}
		if err := a.mayKeep(ctx, s, env.Parent, req.KeepPersonalData && req.Data); err != nil {
			return platform.Activity{}, err
		}
		if req.Data {
			if err := a.Gate.Record(ctx, s.subject, access.Synchronize, s.project.ID, env.Name, "data"); err != nil {
				return platform.Activity{}, err
			}
		}
		return a.Deployments.Synchronize(ctx, s.project.ID, env.Name, platform.SyncRequest{
			Code: req.Code, Data: req.Data, Rebase: req.Rebase, KeepPersonalData: req.KeepPersonalData,
		}, s.subject.Actor)
	})
}
