package configstep

import (
	"sluice/internal/toolkit/envphp"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/phpfile"
	"sluice/internal/toolkit/tree"
)

// The codes of failures.
const (
	codeEnvPHP        = 102 // also of prepare-config, which had none in the original
	codeConfigImport  = 117
	codeCacheEnable   = 130
	codeStorageSet    = 2028
	codeStorageUnset  = 2031
	verbosityVariable = "VERBOSE_COMMANDS"
)

func envFile(k *kit.Kit) phpfile.File { return k.PHPFile(tree.EnvPHP) }

// save writes a file when its content changed, after telling the platform. An error has
// code 102; the file is then as it was.
func save(k *kit.Kit, file phpfile.File, before, after *phparray.Array) error {
	if after.Equal(before) && k.Tree.Exists(file.Name) {
		return nil
	}
	k.Progress.Touch(file.Name)
	return fault.Wrap(codeEnvPHP, file.Write(after))
}

// edit lets change make the new content of env.php, from a copy of its own.
func edit(k *kit.Kit, change func(env *phparray.Array) *phparray.Array) error {
	before, err := envFile(k).Read()
	if err != nil {
		return fault.Wrap(codeEnvPHP, err)
	}
	return save(k, envFile(k), before, change(before.Clone()))
}

// put puts a section in the place of the old one; nil removes it.
func put(k *kit.Kit, name string, section *phparray.Array) error {
	return edit(k, func(env *phparray.Array) *phparray.Array {
		if section == nil {
			env.Unset(name)
		} else {
			env.Set(name, section)
		}
		return env
	})
}

// updateEnv puts a change over env.php, a deep replace.
func updateEnv(k *kit.Kit, change *phparray.Array) error {
	return edit(k, func(env *phparray.Array) *phparray.Array { return phparray.Replace(env, change) })
}

// gather collects what the sections are made of.
func gather(k *kit.Kit) (envphp.Input, error) { return envphp.Gather(k) }

// gatherWithEnv adds what env.php holds now.
func gatherWithEnv(k *kit.Kit) (in envphp.Input, env *phparray.Array, err error) {
	if in, err = gather(k); err != nil {
		return in, nil, err
	}
	env, err = envFile(k).Read()
	return in, env, fault.Wrap(codeEnvPHP, err)
}
