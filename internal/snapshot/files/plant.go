package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"sluice/internal/platform"
	"sluice/internal/snapshot"
)

// Plant works in a directory of its own beside the snapshots:
//
//	.plant-ENVIRONMENT/new/PART        copies of the snapshot's parts
//	.plant-ENVIRONMENT/old/data/PART   what they replace, with old/snapshot.json
//	.plant-ENVIRONMENT/plan.json       written when all of new is complete and durable
//
// A snapshot that is consumed has no copies in new: its own directories are renamed. Without a plan nothing of the environment has been touched, and with one only renames are
// missing; settle does them, from the point that the directories show.
const (
	plantPrefix = ".plant-"
	planFile    = "plan.json"
	newDir      = "new"
	oldDir      = "old"
)

// plan is what was decided when Plant began to rename.
type plan struct {
	Before snapshot.Snapshot `json:"before"` // its ID is empty when nothing was there
	Remove []snapshot.Part   `json:"remove"` // are there, and go into Before
	Plant  []snapshot.Part   `json:"plant"`  // come from new, or from Consume
	// Consume is the snapshot that is used up; empty for none.
	Consume string `json:"consume,omitempty"`
}

// planted is where a part comes from.
func (p plan) planted(env platform.EnvironmentID, part snapshot.Part) string {
	if p.Consume != "" {
		return path.Join(home(p.Consume), dataDir, part.Dir)
	}
	return path.Join(plantDir(env), newDir, part.Dir)
}

func plantDir(env platform.EnvironmentID) string {
	return path.Join(snapshotsDir, plantPrefix+string(env))
}

// Plant implements snapshot.Store.
func (s *Store) Plant(ctx context.Context, req snapshot.PlantRequest, log io.Writer) (snapshot.Snapshot, error) {
	var none snapshot.Snapshot
	unlock, err := s.lock(req.Environment)
	if err != nil {
		return none, err
	}
	defer unlock()
	done, alone := s.use(req.Snapshot)
	defer done()
	req.Consume = req.Consume && alone
	from, err := s.Snapshot(ctx, req.Snapshot)
	if err != nil {
		return none, err
	}
	parts, err := req.Choose(from)
	if err != nil {
		return none, err
	}
	if err := s.stopped(ctx, req.Environment); err != nil {
		return none, err
	}
	if err := s.settle(ctx, req.Environment); err != nil {
		return none, fmt.Errorf("finish an earlier replacement of the data: %w", err)
	}
	data, err := s.dataOf(req.Environment)
	if err != nil {
		return none, err
	}
	if !req.Consume {
		if err := s.room(ctx, sources(from, parts), "put in place"); err != nil {
			return none, err
		}
	}
	began := time.Now()
	p, err := s.prepare(ctx, req, from, parts, data)
	if err != nil {
		return none, errors.Join(err, s.root.RemoveAll(plantDir(req.Environment)))
	}
	// From here on it is done whatever happens: by this call, or by Recover.
	if err := s.settle(ctx, req.Environment); err != nil {
		return p.Before, fmt.Errorf("put the snapshot %s in place: %w", from.ID, err)
	}
	say(log, "snapshot %s is in place: %d parts in %s; what was there before is %s", from.ID, len(parts), time.Since(began).Round(time.Millisecond), orNone(p.Before.ID))
	return p.Before, nil
}

func orNone(id string) string {
	if id == "" {
		return "nothing"
	}
	return "the snapshot " + id
}

// stopped refuses an environment whose containers run.
func (s *Store) stopped(ctx context.Context, env platform.EnvironmentID) error {
	running, err := s.Running(ctx, env)
	if err != nil {
		return err
	}
	if len(running) > 0 {
		return platform.Errorf(platform.CodeConflict, "data of %s cannot be replaced while %s run; nothing was changed", env, strings.Join(running, ", ")).
			WithHint("pause the environment first: sluice environment:pause")
	}
	return nil
}

// sources are parts of a snapshot where they lie.
func sources(from snapshot.Snapshot, parts []snapshot.Part) []source {
	var out []source
	for _, p := range parts {
		out = append(out, source{p, path.Join(home(from.ID), dataDir, p.Dir)})
	}
	return out
}

// prepare copies the parts and writes the plan.
func (s *Store) prepare(ctx context.Context, req snapshot.PlantRequest, from snapshot.Snapshot, parts []snapshot.Part, data []source) (plan, error) {
	dir := plantDir(req.Environment)
	p := plan{Plant: parts}
	if err := s.root.MkdirAll(path.Join(dir, oldDir, dataDir), 0o700); err != nil {
		return p, err
	}
	copies := sources(from, parts)
	if req.Consume {
		p.Consume, copies = from.ID, nil
	}
	for _, src := range copies {
		if _, _, err := s.copyPart(ctx, src.at, path.Join(dir, newDir, src.Dir), false, time.Time{}); err != nil {
			return p, fmt.Errorf("copy of %s: %w", src.Name, err)
		}
	}
	have := map[string]source{}
	var names []string
	for _, d := range data {
		have[d.Name] = d
		names = append(names, d.Name)
	}
	for _, name := range req.Replaced(names) {
		d := have[name]
		size, err := s.measure(ctx, d.at)
		if err != nil {
			return p, fmt.Errorf("size of %s: %w", name, err)
		}
		d.Size = size.Size
		p.Remove = append(p.Remove, d.Part)
	}
	if len(p.Remove) > 0 {
		p.Before = snapshot.Snapshot{
			ID: platform.NewID(), Environment: req.Environment, Reason: req.Reason, Taken: time.Now(),
			Method: snapshot.MethodMoved, Parts: p.Remove,
		}
		if err := s.save(path.Join(dir, oldDir, recordFile), p.Before); err != nil {
			return p, err
		}
	}
	if err := s.flush(); err != nil {
		return p, err
	}
	s.OnStep(StepPlantCopied)
	if err := s.save(path.Join(dir, planFile), p); err != nil {
		return p, err
	}
	s.OnStep(StepPlantPlanned)
	return p, nil
}

// settle finishes a Plant that has a plan, and removes what one without left behind. It can
// run again from wherever it stopped.
func (s *Store) settle(ctx context.Context, env platform.EnvironmentID) error {
	dir := plantDir(env)
	var p plan
	err := s.load(path.Join(dir, planFile), &p)
	if errors.Is(err, fs.ErrNotExist) {
		return s.root.RemoveAll(dir)
	}
	if err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	if done, err := s.isSnapshot(p.Before.ID); err != nil {
		return err
	} else if done { // the last rename
		return s.root.RemoveAll(dir)
	}
	for _, part := range p.Remove {
		if err := s.replace(at(env, part), path.Join(dir, oldDir, dataDir, part.Dir), false); err != nil {
			return err
		}
	}
	for _, part := range p.Plant {
		if err := s.replace(p.planted(env, part), at(env, part), true); err != nil {
			return err
		}
	}
	if err := s.dropConsumed(p.Consume); err != nil {
		return err
	}
	if p.Before.ID != "" {
		if err := s.replace(path.Join(dir, oldDir), home(p.Before.ID), false); err != nil {
			return err
		}
	}
	if err := s.flush(); err != nil {
		return err
	}
	s.OnStep(StepPlantKept)
	s.Log.InfoContext(ctx, "data was replaced", "environment", env, "before", p.Before.ID)
	return s.root.RemoveAll(dir)
}

// dropConsumed removes what is left of a snapshot whose parts were moved.
func (s *Store) dropConsumed(id string) error {
	if id == "" {
		return nil
	}
	old := path.Join(snapshotsDir, oldPrefix+id)
	if err := s.root.Rename(home(id), old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.root.RemoveAll(old)
}

// replace renames a directory; when the new name exists already it was done before. open
// makes directories above the new name that programs in containers pass through.
func (s *Store) replace(from, to string, open bool) error {
	if exists, err := s.exists(to); err != nil || exists {
		return err
	}
	mode := fs.FileMode(0o700)
	if open && strings.HasPrefix(path.Base(path.Dir(to)), "@") {
		if err := s.root.MkdirAll(path.Dir(path.Dir(to)), mode); err != nil {
			return err
		}
		mode = 0o755
	}
	if err := s.root.MkdirAll(path.Dir(to), mode); err != nil {
		return err
	}
	if err := s.root.Rename(from, to); err != nil {
		return fmt.Errorf("rename %s to %s: %w", from, to, err)
	}
	s.OnStep(StepPlantMoved)
	return errors.Join(s.sync(path.Dir(from)), s.sync(path.Dir(to)))
}

// isSnapshot reports whether there is one with the ID, which may be empty.
func (s *Store) isSnapshot(id string) (bool, error) {
	if id == "" {
		return false, nil
	}
	return s.exists(home(id))
}

func (s *Store) exists(name string) (bool, error) {
	_, err := s.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
