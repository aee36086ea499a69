package kit

import (
	"context"
	"net/http"
	"time"

	"sluice/internal/composer"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/journal"
	"sluice/internal/toolkit/phpfile"
	"sluice/internal/toolkit/shell"
	"sluice/internal/toolkit/tree"
)

// Kit is given to whatever does work. All fields are set; none may be changed by users.
type Kit struct {
	Tree      *tree.Tree
	Log       *journal.Logger
	Shell     shell.Runner
	Stages    Stages
	Platform  *Platform
	Env       func(name string) (value string, ok bool) // the process's environment
	Databases Databases
	HTTP      *http.Client
	Progress  Progress
	Now       func() time.Time
	PHP       phpfile.Evaluator // reads env.php and config.php where they contain code
}

// Step does one thing of a scenario. It returns a *fault.Fault when the specification has
// a code for what went wrong.
type Step interface {
	Run(ctx context.Context) error
}

// Action is run when a step of its scenario failed.
type Action interface {
	RunOnFail(ctx context.Context) error
}

// Validator checks one thing and changes nothing. It returns nil, nil when all is well; a
// finding's level is decided by where the scenario lists the validator. The error is that
// the check itself could not be done.
type Validator interface {
	Validate(ctx context.Context) (*fault.Fault, error)
}

// Progress tells the platform how far a phase is.
type Progress interface {
	Step(name string)
	// Touch is called before data that outlives the release is first written: database,
	// mounts. Later calls do nothing. what is for people.
	Touch(what string)
	// Data says what the data looks like after the phase: equal digests mean that the same
	// code fits it.
	Data(digest string)
}

// StepFunc is a function that is a Step.
type StepFunc func(ctx context.Context) error

// Run calls the function.
func (f StepFunc) Run(ctx context.Context) error { return f(ctx) }

// MagentoVersion returns the version of Magento in the tree.
func (k *Kit) MagentoVersion() (composer.Version, error) {
	fromGit, err := k.Stages.Global.Text("DEPLOYED_MAGENTO_VERSION_FROM_GIT")
	if err != nil {
		return composer.Version{}, err
	}
	return k.Tree.MagentoVersion(fromGit)
}

// Magento runs bin/magento; empty arguments are dropped.
func (k *Kit) Magento(ctx context.Context, command string, args ...string) (shell.Result, error) {
	return shell.Magento(ctx, k.Shell, command, args...)
}

// PHPFile returns a PHP array file of the tree, such as app/etc/env.php.
func (k *Kit) PHPFile(name string) phpfile.File {
	return phpfile.File{Tree: k.Tree, Name: name, PHP: k.PHP, Log: k.Log}
}
