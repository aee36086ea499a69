package httpapi

import (
	"cmp"
	"context"
	"io"
	"net/http"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/platform"
)

// Backups keeps backups of environments. An identifier may be cut short; CodeNotFound for one
// that the environment does not have.
type Backups interface {
	// Backups lists those of an environment, newest first.
	Backups(ctx context.Context, project, env string) ([]platform.Backup, error)
	Backup(ctx context.Context, project, env, id string) (platform.Backup, error)
	// CreateBackup starts one; the activity's parameter ParameterBackup names it.
	CreateBackup(ctx context.Context, project, env string, live bool, by platform.Actor) (platform.Activity, error)
	DeleteBackup(ctx context.Context, project, env, id string, by platform.Actor) (platform.Activity, error)
	VerifyBackup(ctx context.Context, project, env, id string, by platform.Actor) (platform.Activity, error)
	RestoreBackup(ctx context.Context, project, env, id string, req platform.RestoreRequest, by platform.Actor) (platform.Activity, error)
	// Archive writes a backup as a tar stream. What was written is not complete when it returns
	// an error.
	Archive(ctx context.Context, project, env, id string, w io.Writer) error
}

func (a *api) routeBackups(env string) {
	at := env + "/backups"
	a.scoped("POST "+env+"/backup", access.BackupCreate, a.createBackup)
	a.scoped("GET "+at, access.BackupView, a.listBackups)
	a.scoped("GET "+at+"/{backup}", access.BackupView, a.getBackup)
	a.scoped("DELETE "+at+"/{backup}", access.BackupDelete, a.deleteBackup)
	a.scoped("POST "+at+"/{backup}/restore", access.BackupRestore, a.restoreBackup)
	a.scoped("POST "+at+"/{backup}/verify", access.BackupVerify, a.verifyBackup)
	a.scoped("GET "+at+"/{backup}/download", access.BackupDownload, a.downloadBackup)
}

func (a *api) backups(ctx context.Context, s scope) ([]apiv1.Backup, error) {
	env, err := a.environment(ctx, s)
	if err != nil {
		return nil, err
	}
	list, err := a.Backups.Backups(ctx, s.project.ID, env.Name)
	if err != nil {
		return nil, err
	}
	out := make([]apiv1.Backup, 0, len(list))
	for i, b := range list {
		out = append(out, a.view(s).Backup(b, env.Type, len(list)-i))
	}
	return out, nil
}

func (a *api) listBackups(w http.ResponseWriter, r *http.Request, s scope) error {
	out, err := a.backups(r.Context(), s)
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, out)
	return nil
}

func (a *api) getBackup(w http.ResponseWriter, r *http.Request, s scope) error {
	b, err := a.Backups.Backup(r.Context(), s.project.ID, s.env, r.PathValue("backup"))
	if err != nil {
		return err
	}
	list, err := a.backups(r.Context(), s)
	if err != nil {
		return err
	}
	for _, wire := range list {
		if wire.ID == b.ID {
			a.writeJSON(w, r, http.StatusOK, wire)
			return nil
		}
	}
	return platform.Errorf(platform.CodeNotFound, "backup %q was deleted", b.ID)
}

func (a *api) createBackup(w http.ResponseWriter, r *http.Request, s scope) error {
	want := apiv1.BackupCreate{Safe: true}
	if err := readJSON(r, &want); err != nil {
		return err
	}
	return a.operate(w, r, s, func(ctx context.Context, env platform.Environment) (platform.Activity, error) {
		return a.Backups.CreateBackup(ctx, s.project.ID, env.Name, !want.Safe, s.subject.Actor)
	})
}

func (a *api) deleteBackup(w http.ResponseWriter, r *http.Request, s scope) error {
	return a.operate(w, r, s, func(ctx context.Context, env platform.Environment) (platform.Activity, error) {
		if err := a.Gate.Record(ctx, s.subject, access.BackupDelete, s.project.ID, env.Name, r.PathValue("backup")); err != nil {
			return platform.Activity{}, err
		}
		return a.Backups.DeleteBackup(ctx, s.project.ID, env.Name, r.PathValue("backup"), s.subject.Actor)
	})
}

func (a *api) verifyBackup(w http.ResponseWriter, r *http.Request, s scope) error {
	return a.operate(w, r, s, func(ctx context.Context, env platform.Environment) (platform.Activity, error) {
		return a.Backups.VerifyBackup(ctx, s.project.ID, env.Name, r.PathValue("backup"), s.subject.Actor)
	})
}

// restoreBackup needs the permission on both environments: the one whose data is read, and
// the one whose data is replaced.
func (a *api) restoreBackup(w http.ResponseWriter, r *http.Request, s scope) error {
	var want apiv1.BackupRestore
	if err := readJSON(r, &want); err != nil {
		return err
	}
	req := platform.RestoreRequest{
		Target: want.EnvironmentName, BranchFrom: want.BranchFrom,
		NoCode: want.RestoreCode != nil && !*want.RestoreCode, KeepPersonalData: want.KeepPersonalData,
	}
	return a.operate(w, r, s, func(ctx context.Context, env platform.Environment) (platform.Activity, error) {
		target := cmp.Or(req.Target, env.Name)
		if err := a.mayRestore(ctx, s, target); err != nil {
			return platform.Activity{}, err
		}
		if err := a.mayKeep(ctx, s, env.Name, req.KeepPersonalData); err != nil {
			return platform.Activity{}, err
		}
		if err := a.Gate.Record(ctx, s.subject, access.BackupRestore, s.project.ID, target, r.PathValue("backup")+" of "+env.Name); err != nil {
			return platform.Activity{}, err
		}
		return a.Backups.RestoreBackup(ctx, s.project.ID, env.Name, r.PathValue("backup"), req, s.subject.Actor)
	})
}

// mayRestore asks for the permission on the target, and on making it when it does not exist.
func (a *api) mayRestore(ctx context.Context, s scope, target string) error {
	if err := a.Gate.Authorize(ctx, s.subject, access.BackupRestore, s.project.ID, target); err != nil {
		return err
	}
	_, err := a.Environments.Environment(ctx, s.project.ID, target)
	if platform.ErrorCode(err) == platform.CodeNotFound {
		return s.subject.Require(access.Branch, s.project.ID, platform.Development)
	}
	return nil
}

// downloadBackup aborts the response when it fails half way, so that the client cannot take
// what came for all of it.
func (a *api) downloadBackup(w http.ResponseWriter, r *http.Request, s scope) error {
	b, err := a.Backups.Backup(r.Context(), s.project.ID, s.env, r.PathValue("backup"))
	if err != nil {
		return err
	}
	if err := a.Gate.Record(r.Context(), s.subject, access.BackupDownload, s.project.ID, s.env, b.ID); err != nil {
		return err
	}
	out := &lateWriter{w: w, header: map[string]string{
		"Content-Type": "application/x-tar", "Content-Disposition": `attachment; filename="backup-` + b.ID + `.tar"`,
	}}
	if err := a.Backups.Archive(r.Context(), s.project.ID, s.env, b.ID, out); err != nil {
		if !out.started {
			return err
		}
		_ = a.wireError(r.Context(), err) // for the log
		panic(http.ErrAbortHandler)
	}
	out.start()
	return nil
}
