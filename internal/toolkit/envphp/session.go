package envphp

import (
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/services"
)

// Session makes the session section: in Redis or Valkey when there is
// one, else in the database.
func Session(in Input) (*phparray.Array, []Note) {
	custom := in.Variables.Session
	section, notes := phparray.WithoutMerge(custom).Clone(), []Note(nil)
	if phparray.IsBlank(custom) || phparray.MergeRequired(custom) {
		section, notes = storedSession(in)
		if section.Len() > 0 {
			section = phparray.Merge(section, custom)
		}
	}
	if section.Len() == 0 {
		return phparray.Map("save", "db"), append(notes, info("Removing session configuration from env.php."))
	}
	return section, append(notes, info("Updating session configuration."))
}

// storedSession is the section for the service; empty without one.
func storedSession(in Input) (*phparray.Array, []Note) {
	e := services.Session(in.Relationships)
	if !e.Exists() {
		return phparray.New(), nil
	}
	redis := phparray.Map("host", e.Host(), "port", e.Get("port"), "database", 0)
	if !in.SessionLibrary.IsZero() {
		disable := 0
		if in.SessionLibrary.AtLeast("1.3.4") {
			disable = 1
		}
		redis.Set("disable_locking", disable)
	}
	if password := e.Text("password"); password != "" {
		redis.Set("password", password)
	}
	return phparray.Map("save", "redis", "redis", redis),
		[]Note{info(e.Name + " will be used for session if it was not override by SESSION_CONFIGURATION")}
}
