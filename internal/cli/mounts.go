package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/apiv1"
)

// mount is a writable directory of an application.
type mount struct {
	Path       string `json:"path"` // without a leading slash
	Source     string `json:"source"`
	SourcePath string `json:"source_path"`
	Service    string `json:"service,omitempty"`
}

// definition shows a mount as the configuration file has it.
func (m mount) definition() string {
	out := "source: " + m.Source + ", source_path: " + m.SourcePath
	if m.Service != "" {
		out += ", service: " + m.Service
	}
	return out
}

// appDirectory is where the application is in its container.
const appDirectory = "/app/"

// remote runs a command in the application's container with other streams than the program's.
func (c *program) remote(ctx context.Context, s selection, in io.Reader, out io.Writer, argv ...string) (int, error) {
	return s.Exec(ctx, s.project, s.env, apiv1.ExecCommand{App: c.app, Argv: argv}, apiv1.ExecStreams{Stdin: in, Stdout: out, Stderr: c.err})
}

// mounts asks the running application, so they are those of the deployed version.
func (c *program) mounts(ctx context.Context, s selection) ([]mount, error) {
	var out bytes.Buffer
	code, err := c.remote(ctx, s, nil, &out, "printenv", "MAGENTO_CLOUD_APPLICATION")
	if err != nil {
		return nil, err
	}
	var app struct {
		Mounts map[string]mount `json:"mounts"`
	}
	data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(out.String()))
	if err = cmp.Or(err, json.Unmarshal(data, &app)); err != nil || code != 0 {
		return nil, fail(ExitFailure, "", "the application does not say which mounts it has: status %d, %v", code, err)
	}
	mounts := make([]mount, 0, len(app.Mounts))
	for name, m := range app.Mounts {
		m.Path = strings.Trim(name, "/")
		mounts = append(mounts, m)
	}
	slices.SortFunc(mounts, func(a, b mount) int { return cmp.Compare(a.Path, b.Path) })
	return mounts, nil
}

// selectMounts returns the selected environment with the mounts of its application.
func (c *program) selectMounts(ctx context.Context) (selection, []mount, error) {
	s, err := c.selectEnvironment(ctx)
	if err != nil {
		return s, nil, err
	}
	mounts, err := c.mounts(ctx, s)
	return s, mounts, err
}

func (c *program) mountList() *cobra.Command {
	var (
		opts  tableOptions
		paths bool
	)
	cmd := &cobra.Command{
		Use:     "mount:list",
		Aliases: []string{"mounts"},
		Short:   "List the mounts of an application",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, mounts, err := c.selectMounts(cmd.Context())
			if err != nil {
				return err
			}
			if paths {
				return printIDs(c, mounts, func(m mount) string { return printable(m.Path) })
			}
			return printTable(c, opts, []column[mount]{
				{name: "path", title: "Mount path", value: func(m mount) string { return m.Path }},
				{name: "definition", title: "Definition", value: mount.definition},
			}, mounts)
		},
	}
	opts.addFlags(cmd)
	cmd.Flags().BoolVar(&paths, "paths", false, "print the paths only")
	return cmd
}

// mountOptions are those of both directions.
type mountOptions struct {
	pathFilter

	mount  string
	delete bool
}

func (o *mountOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.mount, "mount", "m", "", "the mount, as a path in the application")
	f.BoolVar(&o.delete, "delete", false, "delete files that the source does not have")
	f.StringSliceVar(&o.exclude, "exclude", nil, "leave out files that match these patterns")
	f.StringSliceVar(&o.include, "include", nil, "copy files that match these patterns, although they are excluded")
}

// choose finds the mount of a command; with no name, the only one.
func (o *mountOptions) choose(mounts []mount) (mount, error) {
	var paths []string
	for _, m := range mounts {
		if m.Path == strings.Trim(o.mount, "/") || o.mount == "" && len(mounts) == 1 {
			return m, nil
		}
		paths = append(paths, m.Path)
	}
	if o.mount == "" {
		return mount{}, usageError("choose one with --mount: "+strings.Join(paths, ", "), "the application has %d mounts", len(mounts))
	}
	return mount{}, fail(ExitFailure, "its mounts are "+strings.Join(paths, ", "), "the application has no mount %q", o.mount)
}

func (c *program) mountDownload() *cobra.Command {
	var (
		o          mountOptions
		target     string
		all        bool
		sourcePath bool
	)
	cmd := &cobra.Command{
		Use:   "mount:download",
		Short: "Download the files of a mount",
		Long: "Copies the files of a mount into a local directory. Links that lead out of the mount are skipped. The application goes on " +
			"meanwhile; a file that changes while it is read is reported.",
		Example: "  sluice mount:download -m pub/media --target media --exclude catalog/product/cache",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if target == "" {
				return usageError("name a directory with --target", "there is no directory to download to")
			}
			if err := o.check(); err != nil {
				return err
			}
			s, mounts, err := c.selectMounts(cmd.Context())
			if err != nil {
				return err
			}
			if !all {
				m, err := o.choose(mounts)
				if err != nil {
					return err
				}
				return c.download(cmd.Context(), s, o, m, target)
			}
			for _, m := range mounts {
				below := m.Path
				if sourcePath {
					below = firstOf(m.SourcePath, m.Path)
				}
				if !filepath.IsLocal(filepath.FromSlash(below)) {
					return fail(ExitFailure, "", "the mount %q does not fit below a directory; nothing of it was downloaded", below)
				}
				if err := c.download(cmd.Context(), s, o, m, filepath.Join(target, filepath.FromSlash(below))); err != nil {
					return err
				}
			}
			return nil
		},
	}
	o.addFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&target, "target", "", "the local directory, made when it does not exist")
	f.BoolVarP(&all, "all", "a", false, "download all mounts, each into a directory of the target")
	f.BoolVar(&sourcePath, "source-path", false, "with --all, name the directories by the mounts' source paths")
	cmd.MarkFlagsMutuallyExclusive("all", "mount")
	return cmd
}

func (c *program) download(ctx context.Context, s selection, o mountOptions, m mount, target string) error {
	if entries, err := os.ReadDir(target); err == nil && len(entries) > 0 {
		if err := c.confirm("This replaces files of %s by those of the mount %s of %s%s.", target, m.Path, s.env, alsoDeletes(o.delete)); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(target, 0o755); err != nil { //nolint:gosec // files of a website, as git would make them
		return fail(ExitFailure, "", "could not make the directory: %v", err)
	}
	c.note("Downloading files from the mount %s to %s", printable(m.Path), target)
	t, err := c.openTransfer(target, o)
	if err != nil {
		return err
	}
	defer func() { _ = t.root.Close() }()
	from, to := io.Pipe()
	unpacked := make(chan error, 1)
	go func() {
		err := t.unpack(from)
		_ = from.CloseWithError(cmp.Or(err, io.ErrClosedPipe))
		unpacked <- err
	}()
	argv := append([]string{"tar", "--create", "--file=-", "--hard-dereference", "--directory=" + appDirectory + m.Path}, o.remote()...)
	code, err := c.remote(ctx, s, nil, to, append(argv, ".")...)
	_ = to.CloseWithError(cmp.Or(err, io.EOF))
	local := <-unpacked
	switch {
	case err != nil && local != nil && errors.Is(err, local):
		return local // what ended the command
	case err != nil:
		return err
	case code > 1:
		return fail(ExitFailure, "what tar said stands above", "the download of %s failed with status %d and is not complete", m.Path, code)
	case local != nil:
		return local
	case code == 1: // of tar: some files differ
		c.note("Files changed while they were read; see above. Download again to have them as of one time.")
	}
	if o.delete {
		if err := t.prune(); err != nil {
			return err
		}
	}
	c.note("%s", t.summary())
	return nil
}

func (c *program) openTransfer(dir string, o mountOptions) (*transfer, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fail(ExitFailure, "", "could not open the directory: %v", err)
	}
	return &transfer{root: root, filter: o.pathFilter, note: c.note}, nil
}

func (t *transfer) summary() string {
	return fmt.Sprintf("%d files, %s MB", t.files, megabytes(t.bytes))
}

func alsoDeletes(really bool) string {
	if really {
		return ", and deletes those that it does not have"
	}
	return ""
}

func (c *program) mountUpload() *cobra.Command {
	var (
		o      mountOptions
		source string
	)
	cmd := &cobra.Command{
		Use:     "mount:upload",
		Short:   "Upload files to a mount",
		Long:    "Copies the files of a local directory into a mount. With --delete it also deletes files of the mount that the directory does not have.",
		Example: "  sluice mount:upload -m pub/media --source media",
		Args:    positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if source == "" {
				return usageError("name a directory with --source", "there is no directory to upload")
			}
			if err := o.check(); err != nil {
				return err
			}
			s, mounts, err := c.selectMounts(cmd.Context())
			if err != nil {
				return err
			}
			m, err := o.choose(mounts)
			if err != nil {
				return err
			}
			return c.upload(cmd.Context(), s, o, m, source)
		},
	}
	o.addFlags(cmd)
	cmd.Flags().StringVar(&source, "source", "", "the local directory")
	return cmd
}

// errTarEnded is why files are not sent any more: what tar says counts then.
var errTarEnded = errors.New("the command that writes the files has ended")

func (c *program) upload(ctx context.Context, s selection, o mountOptions, m mount, source string) error {
	t, err := c.openTransfer(source, o)
	if err != nil {
		return err
	}
	defer func() { _ = t.root.Close() }()
	if err := c.confirm("This replaces files of the mount %s of %s by those of %s%s.", m.Path, s.env, source, alsoDeletes(o.delete)); err != nil {
		return err
	}
	c.note("Uploading files from %s to the mount %s", source, printable(m.Path))
	from, to := io.Pipe()
	sending, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	packed := make(chan error, 1)
	go func() {
		err := t.pack(to)
		if err != nil {
			cancel(err) // the end of the input would make tar take what came for all of it
		}
		_ = to.Close()
		packed <- err
	}()
	code, err := c.remote(sending, s, from, c.err, "tar", "--extract", "--file=-", "--no-same-owner", "--directory="+appDirectory+m.Path)
	_ = from.CloseWithError(errTarEnded)
	if local := <-packed; local != nil && !errors.Is(local, errTarEnded) {
		return fail(ExitFailure, "upload again", "the upload to %s is not complete: %v", m.Path, local)
	}
	if err == nil && code != 0 {
		err = fail(ExitFailure, "what tar said stands above", "the upload to %s failed with status %d and is not complete", m.Path, code)
	}
	if err == nil && o.delete {
		err = c.deleteRemote(ctx, s, t, m)
	}
	if err == nil {
		c.note("%s", t.summary())
	}
	return err
}

// deleteRemote removes what the mount has and the uploaded directory has not.
func (c *program) deleteRemote(ctx context.Context, s selection, t *transfer, m mount) error {
	dir := appDirectory + m.Path
	var list bytes.Buffer
	code, err := c.remote(ctx, s, nil, &list, "find", dir, "-mindepth", "1", "-printf", `%P\0`)
	if err != nil || code != 0 {
		return cmp.Or(err, error(fail(ExitFailure, "", "could not list the files of the mount: status %d; none was deleted", code)))
	}
	var gone strings.Builder
	for name := range strings.SplitSeq(list.String(), "\x00") {
		if name != "" && !t.seen[name] && t.filter.keeps(name) {
			gone.WriteString(dir + "/" + name + "\x00")
		}
	}
	if gone.Len() == 0 {
		return nil
	}
	code, err = c.remote(ctx, s, strings.NewReader(gone.String()), c.err, "xargs", "-0", "rm", "-rf", "--")
	if err == nil && code != 0 {
		err = fail(ExitFailure, "", "could not delete all that the directory does not have: status %d", code)
	}
	return err
}
