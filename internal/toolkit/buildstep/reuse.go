package buildstep

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sluice/internal/contract"
	"sluice/internal/stepinput"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/shell"
	"sluice/internal/toolkit/stepcache"
)

// stepsVariable says what becomes of results of earlier builds: reuse, the default; run, which
// makes everything again and keeps it; verify, which does so too, and fails when a result that
// would have been reused is another one.
const stepsVariable = "SLUICE_STEPS"

// reusable is a step whose result is kept between builds.
type reusable struct {
	step  stepinput.Step
	name  string   // what the log calls it
	paths []string // what it makes: nothing else of the tree that is kept
	code  int      // of the error when verification fails
	// stamps are files among them that differ in every run, and say nothing of the content.
	stamps []string
	// values are what the step reads besides files. An error is why it has to run.
	values func(ctx context.Context) (stepcache.Inputs, error)
	run    func(ctx context.Context) error
}

// reuse joins the steps of a build: what one has read need not be read by the next.
type reuse struct {
	reader *stepcache.Reader
	// facts is what php says of itself; "" before it was asked.
	facts string
}

// wrong is the error of a kept result that differs from a fresh one.
func (a *attempt) wrong(different []string) error {
	return &fault.Fault{
		Code:       a.code,
		Message:    fmt.Sprintf("The kept result of the %s, of the build of tree %s, differs from a fresh one in %d files: %s", a.name, a.found.Since(), len(different), strings.Join(different[:min(len(different), 20)], ", ")),
		Suggestion: fmt.Sprintf("The kept result was deleted. Build again; set the variable env:%s to run to make everything in each build, and report what the last commits changed.", stepsVariable),
	}
}

// attempt is one run of a reusable step.
type attempt struct {
	*reuse
	reusable
	k     *kit.Kit
	store *stepcache.Store
	files stepcache.Files
	found *stepcache.Record // the result of an earlier build with the same inputs
}

// do puts the result of an earlier build back, or runs the step and keeps its result.
func (r *reuse) do(ctx context.Context, k *kit.Kit, step reusable) error {
	dir, ok := k.Env(contract.PrefixCommerce + "CACHE_DIR")
	if info, err := os.Stat(dir); !ok || err != nil || !info.IsDir() {
		return step.run(ctx)
	}
	a := &attempt{reuse: r, reusable: step, k: k}
	store, err := stepcache.Open(filepath.Join(dir, "steps"))
	if err != nil {
		return a.runOnly(ctx, err)
	}
	defer func() { _ = store.Close() }() // all that was written is closed
	a.store = store
	if err := a.readInputs(ctx); err != nil {
		return a.runOnly(ctx, err)
	}
	a.found = store.Find(step.step, a.files.Inputs.Digest())
	mode, _ := k.Env(stepsVariable)
	switch mode {
	case "", "reuse":
		reason := a.putBack(ctx)
		if reason == nil {
			return nil
		}
		k.Log.Info(fmt.Sprintf("The %s runs: %s.", a.name, reason))
	case "run", "verify":
		k.Log.Info(fmt.Sprintf("The %s runs because %s is %s.", a.name, stepsVariable, mode))
	default:
		k.Log.Warning(fmt.Sprintf("%s is %q; it can be reuse, run or verify. The %s runs.", stepsVariable, mode, a.name))
	}
	return a.runAndKeep(ctx, mode == "verify")
}

func (a *attempt) runOnly(ctx context.Context, reason error) error {
	a.k.Log.Info(fmt.Sprintf("The %s runs, and its result is not kept: %s.", a.name, reason))
	return a.run(ctx)
}

// readInputs takes the digest of everything that the step reads.
func (a *attempt) readInputs(ctx context.Context) error {
	values, err := a.values(ctx)
	if err != nil {
		return err
	}
	if a.reader == nil {
		a.reader = stepcache.NewReader(a.k.Tree.Root())
	}
	if a.files, err = a.reader.Read(a.step); err != nil {
		return err
	}
	maps.Copy(a.files.Inputs, values)
	program, err := programDigest()
	a.files.Inputs["this version of ece-tools"] = program
	return err
}

// putBack restores the result of an earlier build. Its error is why the step has to run.
func (a *attempt) putBack(ctx context.Context) error {
	if a.found == nil {
		return a.whatChanged()
	}
	root := a.k.Tree.Root()
	classes, err := a.files.Changed(root, a.found.Bodies)
	if err != nil {
		return err
	}
	if err := a.store.Restore(a.step, a.found, root, a.paths); err != nil {
		_ = a.store.Drop(a.step, a.found) // the next result takes its place in any case
		return err
	}
	bodies := ""
	if len(classes) > 0 && a.step == stepinput.Compile {
		if err := a.load(ctx, classes); err != nil {
			return err
		}
		bodies = fmt.Sprintf(" but bodies of methods; the %d classes concerned were loaded", len(classes))
	}
	a.k.Log.Notice(fmt.Sprintf("Reusing the %s of the build of tree %s: nothing that it reads has changed%s.", a.name, a.found.Since(), bodies))
	a.found.Bodies = a.files.Bodies
	if err := a.store.Used(a.step, *a.found); err != nil {
		a.k.Log.Warning(fmt.Sprintf("The use of a kept result could not be recorded: %s", err))
	}
	return nil
}

// whatChanged says in which inputs this build differs from the last one.
func (a *attempt) whatChanged() error {
	last := a.store.Last(a.step)
	if last == nil {
		return errors.New("no result of an earlier build is kept")
	}
	const shown = 5
	changed := a.files.Inputs.Changed(last.Inputs)
	more := ""
	if len(changed) > shown {
		more = fmt.Sprintf(" and %d more", len(changed)-shown)
		changed = changed[:shown]
	}
	return fmt.Errorf("since the build of tree %s these changed: %s%s", last.Since(), strings.Join(changed, ", "), more)
}

// load has PHP load classes as the application would: what is left out of the digest may have
// a mistake that ends the step.
func (a *attempt) load(ctx context.Context, classes []string) error {
	const most = 2000 // arguments that a command may have in any case
	if len(classes) > most {
		return fmt.Errorf("the bodies of %d classes changed", len(classes))
	}
	result, err := a.k.Shell.Run(ctx, shell.Command{
		Args:  slices.Concat([]string{"php", "-d", "display_errors=stderr", "-d", "memory_limit=-1", "--"}, classes),
		Stdin: strings.NewReader(loadProgram),
	})
	if err == nil && result.LastLine() != "loaded" {
		err = errors.New("php did not say that it did")
	}
	if err != nil {
		return fmt.Errorf("classes with changed bodies could not be loaded: %w", err)
	}
	return nil
}

// runAndKeep runs the step and keeps its result; with verify, a kept one must be the same.
func (a *attempt) runAndKeep(ctx context.Context, verify bool) error {
	if err := a.run(ctx); err != nil {
		return err
	}
	root := a.k.Tree.Root()
	if verify && a.found != nil {
		different, err := a.store.Compare(a.step, a.found, root, a.paths)
		if err != nil {
			return fmt.Errorf("compare the kept result of the %s: %w", a.name, err)
		}
		different = slices.DeleteFunc(different, func(name string) bool { return slices.Contains(a.stamps, name) })
		if len(different) > 0 {
			return errors.Join(a.wrong(different), a.store.Drop(a.step, a.found))
		}
		a.k.Log.Info(fmt.Sprintf("The %s made the same files as the build of tree %s.", a.name, a.found.Since()))
	}
	made := stepcache.Record{Inputs: a.files.Inputs, Bodies: a.files.Bodies, Made: a.k.Now()}
	made.Tree, _ = a.k.Env(contract.PrefixCommerce + "TREE_ID")
	if _, err := a.store.Save(a.step, root, a.paths, made); err != nil {
		a.k.Log.Warning(fmt.Sprintf("The result of the %s could not be kept; the next build makes it again: %s", a.name, err))
	}
	return nil
}

// phpFacts are what of PHP itself decides what steps make.
func (r *reuse) phpFacts(ctx context.Context, k *kit.Kit) (string, error) {
	if r.facts != "" {
		return r.facts, nil
	}
	result, err := k.Shell.Run(ctx, shell.Command{Args: []string{"php", "-d", "display_errors=stderr"}, Stdin: strings.NewReader(factsProgram), Quiet: true})
	if err != nil {
		return "", err
	}
	if r.facts = result.LastLine(); !strings.HasPrefix(r.facts, "PHP ") {
		r.facts = ""
		return "", errors.New("php did not say its version")
	}
	return r.facts, nil
}

// loadProgram loads the classes among its arguments.
//
//go:embed load.php
var loadProgram string

// factsProgram prints version and extensions, and a digest of the variables of the environment
// that Magento's configuration reads.
//
//go:embed facts.php
var factsProgram string

// programDigest is the digest of this program: another version may make other files.
func programDigest() (string, error) {
	name, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find the program: %w", err)
	}
	f, err := os.Open(name) //nolint:gosec // this program
	if err != nil {
		return "", fmt.Errorf("read the program: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read the program: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
