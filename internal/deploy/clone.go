package deploy

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"sluice/internal/contract"
	"sluice/internal/engine"
	"sluice/internal/platform"
	"sluice/internal/snapshot"
	"sluice/internal/topology"
)

// dataSource returns the environment whose data an environment's first deployment begins
// with; empty for none.
func (s *Service) dataSource(ctx context.Context, env platform.Environment) (string, error) {
	if env.Release != "" || env.Parent == "" || env.Settings.NoCloneParent {
		return "", nil
	}
	parent, err := s.Records.Environment(ctx, env.Project, env.Parent)
	if platform.ErrorCode(err) == platform.CodeNotFound || err == nil && parent.Release == "" {
		return "", nil
	}
	return parent.Name, err
}

// withData adds to an activity whose data it brings along.
func withData(a platform.Activity, from string, keepPersonal bool) platform.Activity {
	if from == "" {
		return a
	}
	parameters := map[string]string{platform.ParameterDataFrom: from}
	if keepPersonal {
		parameters[platform.ParameterKeepPersonal] = "true"
	}
	maps.Copy(parameters, a.Parameters)
	a.Parameters = parameters
	return a
}

// copyData takes a snapshot of another environment, while that serves.
func (d *deployment) copyData(ctx context.Context, name string) error {
	source, err := d.s.Records.Environment(ctx, d.project.ID, name)
	if err != nil {
		return failed("", err)
	}
	current, err := d.s.liveRelease(ctx, source)
	switch {
	case err != nil:
		return failed("", err)
	case current == nil:
		return failed("", platform.Errorf(platform.CodeConflict, "environment %s serves nothing, so there is no data to copy; nothing was changed", name).
			WithHint("deploy it first, or begin with empty data: sluice environment:activate --no-clone-parent -p %s -e %s", d.project.ID, d.env.Name))
	case source.Status == platform.EnvironmentDirty:
		return failed("", platform.Errorf(platform.CodeConflict, "the last deployment of %s did not finish, so its data may be half changed; nothing was copied", name).
			WithHint("push a fix to %s, or roll it back, and try again", name))
	}
	d.log.Line(2, "Copying the data of environment %s", name)
	out := d.log.At(3)
	defer func() { _ = out.Close() }() // never fails
	snap, err := d.s.Snapshots.Take(ctx, snapshot.Request{
		Environment: source.ID(), Reason: d.copiedFor(), Release: current.release.ID,
	}, out)
	if err != nil {
		return failed(d.tryAgain(), fmt.Errorf("copy the data of %s: %w; %s", name, err, d.unharmed()))
	}
	d.snapshot, d.versions = snap.ID, versionsOf(current.stored.Spec)
	d.sanitizes = source.Type == platform.Production && d.env.Type != platform.Production
	return nil
}

// copiedFor is the reason of the snapshot of the environment that the data is from.
func (d *deployment) copiedFor() string { return "copied for activity " + d.job.Activity.ID }

// sanitize makes data that came from another environment safe for this one: internal/contract
// says how. It comes before the first request, and before any other program of the project
// works on the data.
func (d *deployment) sanitize(ctx context.Context) error {
	from := d.dataFrom()
	if from == "" {
		return nil
	}
	d.reach = max(d.reach, platform.Touched)
	env := map[string]string{contract.CloneVariable: from, contract.PersonalDataVariable: contract.PersonalDataKept}
	command := contract.SanitizeConfigCommand
	switch {
	case d.cleans():
		env[contract.PersonalDataVariable] = contract.PersonalDataSanitized
		command = contract.SanitizeCommand
	case d.sanitizes:
		d.log.Line(3, "W: personal data of %s is kept, as %s asked for", from, d.job.Activity.Actor.Name)
	}
	for _, app := range d.stored.Spec.Apps {
		if d.sanitizes {
			if err := d.sanitizeApp(ctx, app, command, env); err != nil {
				return err
			}
		}
		if slices.ContainsFunc(app.Files, func(f engine.File) bool { return f.Path == topology.CloneHook }) {
			d.log.Line(3, "Executing clone hook for application %s", app.Name)
			code, err := d.clean(ctx, app, "clone hook", "exec /bin/sh "+topology.CloneHook, env)
			if err != nil {
				return err
			}
			if code != 0 {
				return failed("fix what the output above names and try again", unopened("clone hook", app, code))
			}
		}
	}
	return nil
}

// cleans reports whether personal data does not come along.
func (d *deployment) cleans() bool {
	return d.sanitizes && d.job.Activity.Parameters[platform.ParameterKeepPersonal] != "true"
}

// sanitizeApp takes personal data and live configuration, or the latter alone, out of the
// databases of a Magento; what others have to do is in their clone hook.
func (d *deployment) sanitizeApp(ctx context.Context, app engine.App, command string, env map[string]string) error {
	env = maps.Clone(env)
	env[contract.SanitizeSeedVariable] = d.seed()
	const what = "command data:sanitize"
	code, err := d.clean(ctx, app, what, "[ -f bin/magento ] || exit 0; echo 'Sanitizing the data'; exec "+command, env)
	switch {
	case err != nil:
		return err
	case code == contract.SanitizeRefused:
		return failed("write into .sluice.yaml what the output above names, and try again; an admin of "+env[contract.CloneVariable]+" may keep personal data: --keep-personal-data",
			unopened(what, app, code))
	case code != 0:
		return failed("fix what the output above names and try again", unopened(what, app, code))
	}
	return nil
}

func unopened(what string, app engine.App, code int) error {
	return fmt.Errorf("the %s of '%s' failed with status code %d; the new data was not opened", what, app.Name, code)
}

// seed makes the fakes of a value the same in every try of this activity.
func (d *deployment) seed() string {
	mac := hmac.New(sha256.New, []byte(d.project.Entropy))
	_, _ = mac.Write([]byte("sanitize " + d.job.Activity.ID)) // a hash does not fail
	return hex.EncodeToString(mac.Sum(nil))
}

// clean runs one program on the data of an application and returns its exit status.
func (d *deployment) clean(ctx context.Context, app engine.App, what, script string, env map[string]string) (int, error) {
	out, done := watched(d.log, 4, heard{})
	code, err := d.s.Engine.Exec(ctx, engine.ExecRequest{
		Environment: d.env.ID(), Release: d.release.ID, Container: app.Name, Dir: contract.AppDir, Stdout: out, Stderr: out,
		Command: []string{"/bin/sh", "-c", script}, Env: env,
	})
	done()
	if err != nil {
		return 0, failed(d.tryAgain(), fmt.Errorf("the %s of '%s' could not be run: %w; the new data was not opened", what, app.Name, err))
	}
	return code, nil
}

// abandonFirst takes away what a first deployment with another environment's data has left:
// the environment is inactive again, and the next try begins from nothing.
func (d *deployment) abandonFirst(ctx context.Context) {
	d.log.Line(3, "Environment %s is inactive again; nothing of it is left but its branch", d.env.Name)
	d.must(ctx, "remove the environment", d.s.demolish(ctx, d.env, d.log))
	_, err := d.s.changeEnvironment(ctx, d.project.ID, d.env.Name, func(env *platform.Environment) {
		env.Status = platform.EnvironmentInactive
	})
	d.must(ctx, "record the environment", err)
}
