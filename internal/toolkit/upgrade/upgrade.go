package upgrade

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"

	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/phpfile"
	"sluice/internal/toolkit/shell"
	"sluice/internal/toolkit/tree"
)

//go:embed upgrade.php
var script []byte

// dir holds the script, its copy of app/etc and a cache of its own; the script names it too.
const dir = "var/tmp/sluice-upgrade"

// waits is what the script prints before the first change.
const waits = "::sluice-upgrade waits\n"

// Early is a setup:upgrade that was begun early and waits.
type Early struct {
	ended  chan struct{} // closed when err is set
	err    error
	output *output
	goOn   *os.File // a line lets the command go on, its end ends it
	stop   context.CancelCauseFunc

	config []byte          // config.php that the command began with
	env    *phparray.Array // env.php that it began with
	saved  string          // see savedConfig
}

// Why a command that was begun early is not used.
var (
	errUnused  = errors.New("it is not used")
	errNothing = errors.New("it ended before it changed anything")
)

// Begin starts the command and returns when it waits. verbose is an option of the command, ""
// for none. An error says why it cannot be begun early; nothing was changed then.
func Begin(ctx context.Context, k *kit.Kit, verbose string) (e *Early, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, k.Tree.RemoveAll(dir))
		}
	}()
	e = &Early{ended: make(chan struct{}), output: &output{waits: make(chan struct{})}}
	if err := e.prepare(ctx, k); err != nil {
		return nil, err
	}
	stdin, goOn, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	e.goOn = goOn
	run, stop := context.WithCancelCause(ctx)
	e.stop = stop
	args := []string{"php", dir + "/upgrade.php", k.Tree.Path(dir), "setup:upgrade", "--keep-generated", "--ansi", "--no-interaction"}
	if verbose != "" {
		args = append(args, verbose)
	}
	go func() {
		defer close(e.ended)
		defer func() { _ = stdin.Close() }() // nothing is lost
		_, e.err = k.Shell.Run(run, shell.Command{Args: args, Stdin: stdin, Output: e.output})
	}()
	select {
	case <-e.output.waits:
		return e, nil
	case <-e.ended:
		return nil, errors.Join(errNothing, e.err, goOn.Close())
	}
}

// prepare makes the script's directory: app/etc as it will be when the build's files are
// brought into the mount.
func (e *Early) prepare(ctx context.Context, k *kit.Kit) (err error) {
	if err := supported(k); err != nil {
		return err
	}
	if err := errors.Join(k.Tree.RemoveAll(dir), k.Tree.Write(dir+"/upgrade.php", script)); err != nil {
		return err
	}
	root := k.Tree.Root().FS()
	err = fs.WalkDir(root, tree.Etc, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		return k.Tree.Write(dir+"/etc/"+strings.TrimPrefix(name, tree.Etc+"/"), text)
	})
	if err != nil {
		return err
	}
	if e.config, err = brought(k); err != nil {
		return err
	}
	if e.env, err = k.PHPFile(tree.EnvPHP).Read(); err != nil {
		return err
	}
	if e.saved, err = savedConfig(ctx, k); err != nil {
		return err
	}
	return k.Tree.Write(ownConfig, e.config)
}

// Where the command reads and writes the two files of app/etc.
const (
	ownConfig = dir + "/etc/config.php"
	ownEnv    = dir + "/etc/env.php"
)

// supported wants a Magento whose changes of the schema begin with the statement that the
// script waits at.
func supported(k *kit.Kit) error {
	for _, name := range []string{
		"vendor/magento/framework/Setup/Declaration/Schema/OperationsExecutor.php",
		"lib/internal/Magento/Framework/Setup/Declaration/Schema/OperationsExecutor.php",
	} {
		text, err := k.Tree.ReadOrNothing(name)
		if err != nil {
			return err
		}
		if bytes.Contains(text, []byte("UNIQUE_CHECKS=0")) {
			return nil
		}
	}
	return errors.New("this release of Magento is not known to tell when it begins to write")
}

// brought returns config.php as it will be in the mount. It is an error when the build
// brings other files along that differ from those of the mount: the command would read both.
func brought(k *kit.Kit) ([]byte, error) {
	const build = tree.Init + "/" + tree.Etc
	root := k.Tree.Root().FS()
	config, err := fs.ReadFile(root, tree.ConfigPHP)
	if err != nil || !k.Tree.Exists(build) {
		return config, err
	}
	err = fs.WalkDir(root, build, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		mounted := tree.Etc + strings.TrimPrefix(name, build)
		if mounted == tree.ConfigPHP {
			config = text
			return nil
		}
		now, err := k.Tree.ReadOrNothing(mounted)
		if err == nil && !bytes.Equal(text, now) {
			err = fmt.Errorf("%s is not that of the build yet", mounted)
		}
		return err
	})
	return config, err
}

// savedConfig returns checksums of the configuration in the database, which the command
// reads before it waits.
func savedConfig(ctx context.Context, k *kit.Kit) (string, error) {
	db, err := k.Databases.Open(ctx, "default")
	if err != nil {
		return "", err
	}
	var tables, sums []string
	for _, name := range []string{"core_config_data", "store", "store_group", "store_website"} {
		tables = append(tables, db.Table(name))
	}
	rows, err := db.Rows(ctx, "CHECKSUM TABLE "+strings.Join(tables, ", "))
	if err != nil {
		return "", fmt.Errorf("read the checksums of the configuration: %w", err)
	}
	for _, row := range rows {
		sums = append(sums, row.Text("Table")+" "+row.Text("Checksum"))
	}
	return strings.Join(sums, "\n"), nil
}

// Finish lets the command change the database and returns what it printed when it has ended.
// With unused it was ended instead, and nothing was changed: what it began with is not what
// is there now.
func (e *Early) Finish(ctx context.Context, k *kit.Kit) (printed string, unused, err error) {
	if unused = e.unchanged(ctx, k); unused == nil {
		if _, failed := e.goOn.WriteString("go\n"); failed != nil {
			unused = fmt.Errorf("it could not be reached: %w", failed)
		}
	}
	if unused != nil {
		return "", unused, e.Stop(k)
	}
	<-e.ended
	printed, err = strings.ReplaceAll(e.output.String(), "\n"+waits, ""), e.err
	if err == nil {
		err = e.bringBack(k)
	}
	return printed, nil, errors.Join(err, e.Stop(k))
}

// unchanged returns an error when the command began with something else than what is there.
func (e *Early) unchanged(ctx context.Context, k *kit.Kit) error {
	config, err := k.Tree.Read(tree.ConfigPHP)
	if err != nil {
		return err
	}
	env, err := k.PHPFile(tree.EnvPHP).Read()
	if err != nil {
		return err
	}
	saved, err := savedConfig(ctx, k)
	if err != nil {
		return err
	}
	// Its caches are its own, and cron is off in every deployment.
	read := func(key string) bool { return key != "cache" && key != "cache_types" && key != "cron" }
	switch {
	case !bytes.Equal(config, e.config):
		return errors.New("config.php is another one")
	case !env.Only(read).Equal(e.env.Only(read)):
		return errors.New("env.php has changed")
	case saved != e.saved:
		return errors.New("configuration in the database has changed")
	}
	return nil
}

// bringBack copies to app/etc what the command changed in its own.
func (e *Early) bringBack(k *kit.Kit) error {
	config, err := k.Tree.Read(ownConfig)
	if err != nil {
		return err
	}
	if !bytes.Equal(config, e.config) {
		if err := k.Tree.Write(tree.ConfigPHP, config); err != nil {
			return err
		}
	}
	env, err := phpfile.File{Tree: k.Tree, Name: ownEnv, PHP: k.PHP}.Read()
	if err != nil || env.Equal(e.env) {
		return err
	}
	env.Unset("cron")
	return k.PHPFile(tree.EnvPHP).Update(env)
}

// Stop ends a command that is not used, and removes what it needed.
func (e *Early) Stop(k *kit.Kit) error {
	err := e.goOn.Close()
	e.stop(errUnused)
	<-e.ended
	return errors.Join(err, k.Tree.RemoveAll(dir))
}

// output keeps what the script prints and notices that it waits.
type output struct {
	mu    sync.Mutex
	text  bytes.Buffer
	noted bool
	waits chan struct{} // closed when it waits
}

// Write keeps p (io.Writer).
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, _ = o.text.Write(p) // never fails
	if !o.noted && bytes.Contains(o.text.Bytes(), []byte(waits)) {
		o.noted = true
		close(o.waits)
	}
	return len(p), nil
}

// String returns what was kept.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
