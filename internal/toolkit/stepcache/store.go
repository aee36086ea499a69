package stepcache

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"time"

	"sluice/internal/stepinput"
)

// Kept is how many results of a step are kept: one for each branch that is worked on, and a
// few to go back to.
const Kept = 8

// Record says where a result comes from.
type Record struct {
	Inputs Inputs            // what the step read
	Bodies map[string]string // files of which only declarations count, as they were when the step ran
	Tree   string            // the tree of the build that ran the step
	Made   time.Time
	Files  string // digest of the archive
}

// Since says for people which build made the result.
func (r *Record) Since() string {
	return fmt.Sprintf("%.7s of %s", r.Tree, r.Made.UTC().Format("2006-01-02 15:04 UTC"))
}

// Store is a directory of results: STEP/DIGEST/record.json and files.tar.gz. One build at a
// time has it. What branches leave in it never gets into builds for the live site, because
// theirs is another directory.
type Store struct{ root *os.Root }

// Open opens the store in a directory, which is made when it is missing.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // it holds nothing that the build's user may not see
		return nil, fmt.Errorf("open the results of earlier builds: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the results of earlier builds: %w", err)
	}
	return &Store{root: root}, nil
}

// Close releases the directory.
func (s *Store) Close() error { return s.root.Close() }

const (
	recordFile  = "record.json"
	archiveFile = "files.tar.gz"
	// maxRecord bounds what is read of a record, in bytes.
	maxRecord = 64 << 20
)

// Find returns the record of a result; nil when there is none that can be read.
func (s *Store) Find(step stepinput.Step, digest string) *Record {
	f, err := s.root.Open(path.Join(string(step), digest, recordFile))
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }() // it was only read
	var r Record
	if err := json.NewDecoder(io.LimitReader(f, maxRecord)).Decode(&r); err != nil || r.Inputs.Digest() != digest {
		return nil
	}
	return &r
}

// Last returns the record of the result that was made or used last; nil when there is none.
func (s *Store) Last(step stepinput.Step) *Record {
	for _, digest := range s.results(step) {
		if r := s.Find(step, digest); r != nil {
			return r
		}
	}
	return nil
}

// results returns the digests of a step's results, those used last first.
func (s *Store) results(step stepinput.Step) []string {
	entries, err := fs.ReadDir(s.root.FS(), string(step))
	if err != nil {
		return nil
	}
	used := map[string]time.Time{}
	var digests []string
	for _, e := range entries {
		if info, err := s.root.Stat(path.Join(string(step), e.Name(), recordFile)); err == nil && len(e.Name()) == sha256.Size*2 {
			used[e.Name()] = info.ModTime()
			digests = append(digests, e.Name())
		}
	}
	slices.SortFunc(digests, func(a, b string) int { return used[b].Compare(used[a]) })
	return digests
}

// Save keeps files and directories of the tree as the result of a step, deletes the oldest
// results beyond Kept and returns the complete record. Paths that do not exist are not in
// the result.
func (s *Store) Save(step stepinput.Step, tree *os.Root, paths []string, r Record) (Record, error) {
	digest := r.Inputs.Digest()
	dir := path.Join(string(step), digest)
	r, err := s.save(dir, tree, paths, r)
	if err != nil {
		_ = s.root.RemoveAll(dir) // half a result is none
		return Record{}, fmt.Errorf("keep the result of %s: %w", step, err)
	}
	for i, old := range s.results(step) {
		if i >= Kept {
			if err := s.root.RemoveAll(path.Join(string(step), old)); err != nil {
				return Record{}, fmt.Errorf("remove an old result of %s: %w", step, err)
			}
		}
	}
	return r, nil
}

func (s *Store) save(dir string, tree *os.Root, paths []string, r Record) (Record, error) {
	if err := s.root.RemoveAll(dir); err != nil {
		return r, err
	}
	if err := s.root.MkdirAll(dir, 0o755); err != nil {
		return r, err
	}
	f, err := s.root.Create(path.Join(dir, archiveFile))
	if err != nil {
		return r, err
	}
	sum := sha256.New()
	err = pack(io.MultiWriter(f, sum), tree, paths)
	if err = errors.Join(err, f.Close()); err != nil {
		return r, err
	}
	r.Files = hex.EncodeToString(sum.Sum(nil))
	return r, s.write(dir, r)
}

// write writes the record, last of all: a result without one is none.
func (s *Store) write(dir string, r Record) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	temp := path.Join(dir, recordFile+".new")
	if err := s.root.WriteFile(temp, text, 0o644); err != nil {
		return err
	}
	return s.root.Rename(temp, path.Join(dir, recordFile))
}

// Used notes that a result was used, with the bodies that were checked with it.
func (s *Store) Used(step stepinput.Step, r Record) error {
	return s.write(path.Join(string(step), r.Inputs.Digest()), r)
}

// Drop removes a result that turned out to be wrong or damaged.
func (s *Store) Drop(step stepinput.Step, r *Record) error {
	return s.root.RemoveAll(path.Join(string(step), r.Inputs.Digest()))
}

// Restore puts a result into the tree: what is at the paths is replaced. The archive is
// compared with the record first, so a damaged one changes nothing.
func (s *Store) Restore(step stepinput.Step, r *Record, tree *os.Root, paths []string) error {
	f, err := s.root.Open(path.Join(string(step), r.Inputs.Digest(), archiveFile))
	if err != nil {
		return fmt.Errorf("restore the result of %s: %w", step, err)
	}
	defer func() { _ = f.Close() }() // it was only read
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return fmt.Errorf("restore the result of %s: %w", step, err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != r.Files {
		return fmt.Errorf("restore the result of %s: its archive is damaged", step)
	}
	for _, p := range paths {
		if err := tree.RemoveAll(p); err != nil {
			return fmt.Errorf("restore the result of %s: %w", step, err)
		}
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("restore the result of %s: %w", step, err)
	}
	if err := unpack(f, tree); err != nil {
		return fmt.Errorf("restore the result of %s: %w", step, err)
	}
	return nil
}
