package buildkit

import (
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/moby/buildkit/client/llb"
	"github.com/tonistiigi/fsutil"

	"sluice/internal/build"
)

// programs are the executables that a build is given, each offered by the session as a
// directory with one file. BuildKit keeps what it was sent and is only asked whether it
// changed.
type programs []build.Program

// offer adds the directories to those of the session.
func (ps programs) offer(dirs map[string]fsutil.FS) error {
	for i, p := range ps {
		dir, err := fsutil.NewFS(filepath.Dir(p.Source))
		if err == nil {
			dir, err = fsutil.NewFilterFS(dir, &fsutil.FilterOpt{IncludePatterns: []string{filepath.Base(p.Source)}})
		}
		if err != nil {
			return fmt.Errorf("program %s: %w", p.Source, err)
		}
		dirs[programName(i)] = dir
	}
	return nil
}

// mounts places every program over the read-only root.
func (ps programs) mounts(session string) []llb.RunOption {
	var out []llb.RunOption
	for i, p := range ps {
		state := llb.Local(programName(i),
			llb.SessionID(session),
			llb.SharedKeyHint("sluice/"+programName(i)),
			llb.WithCustomName("program "+p.Target))
		out = append(out, llb.AddMount(p.Target, state, llb.SourcePath("/"+filepath.Base(p.Source)), llb.Readonly))
	}
	return out
}

func programName(i int) string { return "program-" + strconv.Itoa(i) }
