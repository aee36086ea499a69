package stepcache

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice/internal/phpdecl"
	"sluice/internal/stepinput"
)

// Files are the files of an application that a step reads. Reading is the expensive part:
// one Reader serves all steps of a build.
type Files struct {
	Inputs Inputs
	// Bodies are the files of which only declarations count, with digests of all of them.
	Bodies map[string]string
}

// Reader reads files of the application's tree and remembers what it computed for those that
// have not changed since. It follows links, as PHP does, but never out of the tree.
type Reader struct {
	root *os.Root

	mu   sync.Mutex
	sums map[string]remembered
}

// remembered are the digests of one state of a file.
type remembered struct {
	info fs.FileInfo
	at   time.Time // before it was read
	sums map[stepinput.How]string
	di   bool // it is a di.xml that changes how static content is made
}

// NewReader returns a Reader of a tree.
func NewReader(root *os.Root) *Reader { return &Reader{root: root, sums: map[string]remembered{}} }

// file is one file that a step reads.
type file struct {
	name  string
	how   stepinput.How
	sum   string
	whole string
	di    bool
}

// Read returns what a step reads of the tree. A file that cannot be read and a link that leads
// out of the tree are errors: the step could read them.
func (r *Reader) Read(step stepinput.Step) (Files, error) {
	w := walk{reader: r, step: step, links: map[string]string{}, linked: map[string]bool{}}
	w.group.SetLimit(runtime.GOMAXPROCS(0))
	err := w.dir(r.root, ".")
	if err = errors.Join(err, w.group.Wait()); err != nil {
		return Files{}, fmt.Errorf("read what the step %s reads: %w", step, err)
	}
	return w.collect(), nil
}

// collect makes inputs of the files that were read.
func (w *walk) collect() Files {
	bodiesCount := w.step == stepinput.Static && slices.ContainsFunc(w.files, func(f file) bool { return f.di && stepinput.IsOwnDI(f.name) })
	out := Files{Inputs: Inputs{}, Bodies: map[string]string{}}
	grouped := map[string][]string{}
	for _, f := range w.files {
		sum := f.sum
		if f.how == stepinput.Declarations {
			if bodiesCount {
				sum = f.whole
			} else {
				out.Bodies[f.name] = f.whole
			}
		}
		g := group(f.name)
		grouped[g] = append(grouped[g], f.name+" "+sum)
	}
	for name, target := range w.links {
		grouped[group(name)] = append(grouped[group(name)], name+" -> "+target)
	}
	for name, lines := range grouped {
		slices.Sort(lines)
		out.Inputs[name] = stepinput.Digest(stepinput.Whole, []byte(strings.Join(lines, "\n")))
	}
	return out
}

// sum sets the digests of a file of a directory.
func (r *Reader) sum(dir *os.Root, f *file) error {
	if f.how == stepinput.Name {
		f.sum = stepinput.Digest(f.how, nil)
		return nil
	}
	base := path.Base(f.name)
	now := time.Now()
	info, err := dir.Stat(base)
	if err != nil {
		return err
	}
	r.mu.Lock()
	known := r.sums[f.name]
	r.mu.Unlock()
	if known.info == nil || !unchanged(known, info) {
		known = remembered{info: info, at: now}
	}
	if known.sums[f.how] == "" {
		content, err := dir.ReadFile(base)
		if err != nil {
			return err
		}
		sums := map[stepinput.How]string{f.how: stepinput.Digest(f.how, content)}
		maps.Copy(sums, known.sums)
		if f.how == stepinput.Declarations && sums[stepinput.Whole] == "" {
			sums[stepinput.Whole] = stepinput.Digest(stepinput.Whole, content)
		}
		known.sums, known.di = sums, base == "di.xml" && stepinput.ChangesStatic(content)
		r.mu.Lock()
		r.sums[f.name] = known
		r.mu.Unlock()
	}
	f.sum, f.whole, f.di = known.sums[f.how], known.sums[stepinput.Whole], known.di
	return nil
}

// walk reads the files of one step, directory by directory: a name below an open directory is
// found at once, a long path is not.
type walk struct {
	reader *Reader
	step   stepinput.Step
	group  errgroup.Group
	links  map[string]string // what links name
	linked map[string]bool   // directories that were reached over links

	mu    sync.Mutex
	files []file
}

func (w *walk) dir(dir *os.Root, name string) error {
	entries, err := fs.ReadDir(dir.FS(), ".")
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	var files []file
	for _, e := range entries {
		at, kind := path.Join(name, e.Name()), e.Type()
		switch how := stepinput.Of(w.step, at); {
		case kind&fs.ModeSymlink != 0:
			err = w.link(at)
		case kind.IsDir() && !stepinput.SkipDir(at):
			err = w.below(dir, e.Name(), at)
		case kind.IsRegular() && how != stepinput.Nothing:
			files = append(files, file{name: at, how: how})
		}
		if err != nil {
			return err
		}
	}
	return w.read(dir, files)
}

// below walks a directory of a directory.
func (w *walk) below(dir *os.Root, base, name string) error {
	sub, err := dir.OpenRoot(base)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Close() }() // it was only read
	return w.dir(sub, name)
}

// read reads files of one directory, beside the walk where a processor is free.
func (w *walk) read(dir *os.Root, files []file) error {
	if len(files) == 0 {
		return nil
	}
	own, err := dir.OpenRoot(".") // dir is closed when its walk has ended
	if err != nil {
		return err
	}
	w.group.Go(func() error {
		defer func() { _ = own.Close() }() // it was only read
		for i := range files {
			if err := w.reader.sum(own, &files[i]); err != nil {
				return fmt.Errorf("%s: %w", files[i].name, err)
			}
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.files = append(w.files, files...)
		return nil
	})
	return nil
}

// link follows a link. A broken one, and one into a directory that another link led to, have
// nothing more to read.
func (w *walk) link(name string) error {
	if stepinput.SkipDir(name) {
		return nil
	}
	root := w.reader.root
	target, err := root.Readlink(name)
	if err != nil {
		return err
	}
	w.links[name] = target
	info, err := root.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("follow the link %s to %s: %w", name, target, err)
	case !info.IsDir():
		return w.linkedFile(name)
	}
	to := path.Join(path.Dir(name), target)
	if w.linked[to] || to == "." || strings.HasPrefix(name, to+"/") {
		return nil
	}
	w.linked[to] = true
	return w.below(root, name, name)
}

func (w *walk) linkedFile(name string) error {
	f := file{name: name, how: stepinput.Of(w.step, name)}
	if f.how == stepinput.Nothing {
		return nil
	}
	content, err := w.reader.root.ReadFile(name)
	if err != nil {
		return err
	}
	f.sum, f.whole = stepinput.Digest(f.how, content), stepinput.Digest(stepinput.Whole, content)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.files = append(w.files, f)
	return nil
}

// Changed returns the classes of the files whose bodies differ from those of an earlier
// build, in the order of their names.
func (f Files) Changed(root *os.Root, bodies map[string]string) ([]string, error) {
	var names, classes []string
	for name, sum := range f.Bodies {
		if bodies[name] != sum {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		content, err := root.ReadFile(name)
		if err != nil {
			return nil, err
		}
		declared, ok := phpdecl.Read(content)
		if !ok {
			return nil, fmt.Errorf("%s cannot be followed", name)
		}
		classes = append(classes, declared.Classes...)
	}
	return classes, nil
}
