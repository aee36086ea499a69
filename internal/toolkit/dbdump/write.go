package dbdump

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/klauspost/compress/gzip"

	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/shell"
	"sluice/internal/toolkit/tree"
)

const (
	limit     = time.Hour // for one database
	maxErrors = 64 << 10  // bytes of stderr that the error repeats
)

// one dumps a database while it holds the lock: two dumps at a time would close and open
// the shop for each other.
func one(ctx context.Context, k *kit.Kit, o Options, w wanted) (err error) {
	k.Log.Info("Waiting for lock on db dump.")
	lock, err := k.Tree.Root().OpenFile(tree.DumpLock, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		k.Log.Error("Could not get the lock file!")
		k.Log.Debug(err.Error())
		return nil // such a dump is left out
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		k.Log.Info("Dump process is locked!")
		k.Log.Debug(err.Error())
		return nil // such a dump is left out
	}
	k.Log.Infof("Start creation DB dump for %s database...", w.name)
	dir := cmp.Or(o.Directory, k.Tree.Path(tree.Var))
	name := filepath.Join(dir, fmt.Sprintf("dump-%s-%d.sql.gz", w.name, k.Now().Unix()))
	if err := write(ctx, k, w.connection, name, o.RemoveDefiners); err != nil {
		return err
	}
	k.Log.Infof("Finished DB dump for %s database, it can be found here: %s", w.name, name)
	_, err = fmt.Fprintf(lock, "[%s] Dump was written in %s\n", k.Now().UTC().Format(time.DateTime), name)
	return err
}

// write makes the file at once: a dump that failed leaves none.
func write(ctx context.Context, k *kit.Kit, connection *phparray.Array, name string, removeDefiners bool) error {
	part := name + ".part"
	file, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // the directory is the user's choice
	if err != nil {
		return err
	}
	packed := gzip.NewWriter(file)
	out := io.Writer(packed)
	if removeDefiners {
		out = &definers{w: packed}
	}
	err = dump(ctx, k, connection, out)
	if flush, ok := out.(*definers); ok && err == nil {
		err = flush.end()
	}
	err = errors.Join(err, packed.Close(), file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(part, name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return nil
}

// dump runs the program and writes what it prints.
func dump(ctx context.Context, k *kit.Kit, connection *phparray.Array, out io.Writer) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the dump took longer than %s", limit))
	defer cancel()
	args, err := arguments(k, connection)
	if err != nil {
		return err
	}
	line := shell.Line(shell.Command{Args: args})
	k.Log.Debug(line)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // an argument list, no shell
	cmd.Dir = k.Tree.Dir()
	cmd.Env = append(cmd.Environ(), "MYSQL_PWD="+connection.Text("password"))
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &stderr
	if err := cmd.Run(); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		text := stderr.Bytes()[:min(stderr.Len(), maxErrors)]
		return fmt.Errorf("The command %q failed. %s: %w", line, bytes.TrimSpace(text), err)
	}
	return nil
}

// arguments are the program and its options.
func arguments(k *kit.Kit, connection *phparray.Array) ([]string, error) {
	program := ""
	search, _ := k.Env("PATH")
	for _, name := range []string{"mysqldump", "mariadb-dump"} {
		if program = find(search, name); program != "" {
			break
		}
	}
	if program == "" {
		return nil, errors.New("Required utility mysqldump was not found; mariadb-dump is accepted too")
	}
	host, port, _ := strings.Cut(connection.Text("host"), ":")
	args := []string{program, "-h", host, "-u", connection.Text("username")}
	if port != "" {
		args = append(args, "-P", port)
	}
	return append(args, connection.Text("dbname"), "--single-transaction", "--no-autocommit", "--quick"), nil
}

func find(search, name string) string {
	for _, dir := range filepath.SplitList(search) {
		at := filepath.Join(dir, name)
		if info, err := os.Stat(at); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 {
			return at
		}
	}
	return ""
}
