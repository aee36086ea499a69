package envphp

import (
	"fmt"

	"sluice/internal/composer"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/journal"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
)

// Input is what the sections of env.php are made of.
type Input struct {
	Magento       composer.Version
	Relationships *phparray.Array // name -> list of endpoints
	Variables     Variables
	// SessionLibrary is the locked version of colinmollenhour/php-redis-session-abstract;
	// zero when it is not locked.
	SessionLibrary composer.Version
	ElasticSuite   bool   // smile/elasticsuite is locked
	LocksDir       string // MAGENTO_CLOUD_LOCKS_DIR
}

// Variables are the stage variables that env.php depends on; arrays are never nil.
type Variables struct {
	Cache, Session, Queue, Search, Suite, Database, Resource *phparray.Array // …_CONFIGURATION
	Consumers, RemoteStorage                                 *phparray.Array

	RedisBackend, ValkeyBackend             string
	RedisSlave, ValkeySlave, DatabaseSlaves bool // …_USE_SLAVE_CONNECTION
	Lua, LuaKey, LuaOnGC                    bool
	WaitForMessages                         bool
	LockProvider                            string
	UpdateURLs, ForceURLs                   bool
	SplitDB                                 *phparray.Array

	OnDemand, SkipMinification bool // of the global stage
	XFrame                     string
}

// Note is a log record that a section asks for.
type Note struct {
	Level fault.Level
	Code  int
	Text  string
}

func info(text string) Note   { return Note{Level: fault.Info, Text: text} }
func notice(text string) Note { return Note{Level: fault.Notice, Text: text} }
func warning(code int, text string) Note {
	return Note{Level: fault.Warning, Code: code, Text: text}
}

// Log writes notes.
func Log(log *journal.Logger, notes []Note) {
	for _, n := range notes {
		log.Log(journal.Record{Level: n.Level, Message: n.Text, Code: n.Code, HasCode: n.Code != 0})
	}
}

// Gather collects the Input from the variables of the deploy and the global stage, the
// platform and composer.lock. It asks no service.
func Gather(k *kit.Kit) (Input, error) {
	magento, err := k.MagentoVersion()
	if err != nil {
		return Input{}, err
	}
	in := Input{Magento: magento, Relationships: k.Platform.Relationships}
	if in.Variables, err = variables(k.Stages); err != nil {
		return Input{}, err
	}
	lock, err := k.Tree.Lock()
	if err != nil {
		return Input{}, err
	}
	in.ElasticSuite = lock.Has("smile/elasticsuite")
	if p, ok := lock.Find("colinmollenhour/php-redis-session-abstract"); ok {
		if in.SessionLibrary, err = composer.ParseVersion(p.Version); err != nil {
			return Input{}, fmt.Errorf("composer.lock: %s: %w", p.Name, err)
		}
	}
	in.LocksDir, _ = k.Env("MAGENTO_CLOUD_LOCKS_DIR")
	return in, nil
}

// reader reads variables and keeps the first error.
type reader struct {
	stage kit.Stage
	err   error
}

func read[T any](r *reader, get func(name string) (T, error), name string) T {
	v, err := get(name)
	if r.err == nil {
		r.err = err
	}
	return v
}

func (r *reader) array(name string) *phparray.Array { return read(r, r.stage.Map, name) }
func (r *reader) bool(name string) bool             { return read(r, r.stage.Bool, name) }
func (r *reader) text(name string) string           { return read(r, r.stage.Text, name) }

func variables(stages kit.Stages) (Variables, error) {
	d, g := &reader{stage: stages.Deploy}, &reader{stage: stages.Global}
	v := Variables{
		Cache: d.array("CACHE_CONFIGURATION"), Session: d.array("SESSION_CONFIGURATION"), Queue: d.array("QUEUE_CONFIGURATION"),
		Search: d.array("SEARCH_CONFIGURATION"), Suite: d.array("ELASTICSUITE_CONFIGURATION"),
		Database: d.array("DATABASE_CONFIGURATION"), Resource: d.array("RESOURCE_CONFIGURATION"),
		Consumers: d.array("CRON_CONSUMERS_RUNNER"), RemoteStorage: d.array("REMOTE_STORAGE"), SplitDB: d.array("SPLIT_DB"),
		RedisBackend: d.text("REDIS_BACKEND"), ValkeyBackend: d.text("VALKEY_BACKEND"), LockProvider: d.text("LOCK_PROVIDER"),
		RedisSlave: d.bool("REDIS_USE_SLAVE_CONNECTION"), ValkeySlave: d.bool("VALKEY_USE_SLAVE_CONNECTION"), DatabaseSlaves: d.bool("MYSQL_USE_SLAVE_CONNECTION"),
		Lua: d.bool("USE_LUA"), LuaKey: d.bool("LUA_KEY"), LuaOnGC: d.bool("USE_LUA_ON_GC"),
		WaitForMessages: d.bool("CONSUMERS_WAIT_FOR_MAX_MESSAGES"), UpdateURLs: d.bool("UPDATE_URLS"), ForceURLs: d.bool("FORCE_UPDATE_URLS"),
		OnDemand: g.bool("SCD_ON_DEMAND"), SkipMinification: g.bool("SKIP_HTML_MINIFICATION"), XFrame: g.text("X_FRAME_CONFIGURATION"),
	}
	if d.err != nil {
		return Variables{}, d.err
	}
	return v, g.err
}
