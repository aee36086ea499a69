package validate

import (
	"context"
	"strings"

	"sluice/internal/manifest"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
)

// StageConfig wants .magento.env.yaml to hold only what the table of stage variables knows. Its lines are those of `sluice validate`, with their places.
func StageConfig(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	_, found := manifest.ReadEnv(k.Tree.Root().FS())
	var lines []string
	for _, d := range found {
		if d.Severity == manifest.SeverityError {
			lines = append(lines, "  "+d.String())
		}
	}
	if len(lines) == 0 {
		return nil, nil
	}
	return finding(codeStageConfig, "Environment configuration is not valid. Correct the following items in your .magento.env.yaml file:",
		strings.Join(lines, "\n")), nil
}

// given are the variables that one stage of the file sets.
type given map[string]any

// Has reports whether the stage sets a variable.
func (g given) Has(name string) bool {
	_, ok := g[name]
	return ok
}

// stageFile returns what one stage of .magento.env.yaml sets. A file that cannot be read
// sets nothing: stageConfig and the readers of the stages say so.
func stageFile(k *kit.Kit, stage string) given {
	env, _ := manifest.ReadEnv(k.Tree.Root().FS())
	if env == nil {
		return nil
	}
	return env.Stage[stage]
}
