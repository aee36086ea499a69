package tree

import "fmt"

// Flag is a file whose existence tells a later step or phase something. Its value is the
// path.
type Flag string

// The flags.
const (
	FlagRegenerate     Flag = "var/.regenerate"
	FlagSCDInBuild     Flag = ".static_content_deploy"
	FlagDeployFailed   Flag = "var/.deploy_is_failed"
	FlagIgnoreSplitDB  Flag = "var/.ignore_split_db"
	FlagEnvFileAbsence Flag = "var/.env_file_absence"
	FlagCachesCurrent  Flag = "var/.caches_are_current" // ours: post-deploy need not flush
)

// key is the name of the flag in messages.
func (f Flag) key() string {
	switch f {
	case FlagRegenerate:
		return "regenerate"
	case FlagSCDInBuild:
		return "scd_in_build"
	case FlagDeployFailed:
		return "deploy_is_failed"
	case FlagIgnoreSplitDB:
		return "ignore_split_db"
	case FlagEnvFileAbsence:
		return "env_file_absence"
	case FlagCachesCurrent:
		return "caches_are_current"
	}
	return string(f)
}

// FlagLog takes the lines about flags that change.
type FlagLog interface {
	Debug(message string)
	Info(message string)
	Notice(message string)
}

// HasFlag reports whether a flag is set.
func (t *Tree) HasFlag(f Flag) bool { return t.Exists(string(f)) }

// SetFlag sets a flag and reports whether that worked.
func (t *Tree) SetFlag(f Flag, log FlagLog) bool {
	if err := t.Touch(string(f)); err != nil {
		log.Notice("Cannot create flag " + f.key())
		return false
	}
	log.Info("Set flag: " + string(f))
	return true
}

// DeleteFlag deletes a flag, absent or not, and reports whether that worked.
func (t *Tree) DeleteFlag(f Flag, log FlagLog) bool {
	if !t.HasFlag(f) {
		log.Debug(fmt.Sprintf("Flag %s has already been deleted.", f))
		return true
	}
	if err := t.Remove(string(f)); err != nil {
		return false
	}
	log.Info("Deleting flag: " + string(f))
	return true
}
