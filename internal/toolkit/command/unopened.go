package command

import (
	"fmt"
	"os"
	"strings"

	"sluice/internal/manifest"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/journal"
	"sluice/internal/toolkit/tree"
)

// readConfig reads .magento.env.yaml. One that cannot be read at all has the code of its
// stage, where the original ends every command with status 1.
func readConfig(t *tree.Tree, o options) (*manifest.EnvFile, error) {
	if !t.Exists(tree.EnvYAML) {
		return nil, nil
	}
	file, found := manifest.ReadEnv(t.Root().FS())
	if file != nil {
		return file, nil
	}
	var text []string
	for _, d := range found {
		text = append(text, d.String())
	}
	return nil, fault.New(unparsed(o.stage), "%s", strings.Join(text, "\n"))
}

// unparsed is the code of a .magento.env.yaml that cannot be parsed.
func unparsed(stage string) int {
	switch stage {
	case manifest.StageBuild:
		return 4
	case manifest.StageDeploy:
		return 104
	case manifest.StagePostDeploy:
		return 204
	}
	return 244
}

// unopened leaves word of a phase that could not even begin, where people and post-deploy
// look for it: cloud.log, cloud.error.log, and the flag of a failed deployment. The error is
// returned as it is.
func unopened(p Process, o options, cause error) error {
	t, err := tree.Open(p.root())
	if !o.phase || err != nil {
		return cause
	}
	log := journal.New(
		journal.Options{Fallback: func(err error) { _, _ = fmt.Fprintln(p.Stderr, "log:", err) }}, // nowhere else to tell
		journal.Sink{Handler: journal.Lines(discard(o.quiet, p.Stdout)), Min: fault.Info},
		journal.Sink{Handler: journal.NewFile(func() (*os.File, error) { return t.OpenAppend(tree.CloudLog) })},
		journal.Sink{Handler: journal.NewErrorLog(t, tree.ErrorLog), Min: fault.Warning},
	)
	log.Fault(&fault.Fault{Code: fault.CodeOf(cause), Err: cause})
	if o.stage == manifest.StageDeploy {
		t.SetFlag(tree.FlagDeployFailed, log)
	}
	log.Close()
	_ = t.Close() // everything is written
	return cause
}
