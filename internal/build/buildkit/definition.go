package buildkit

import (
	_ "embed"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"

	"sluice/internal/build"
	"sluice/internal/contract"
	"sluice/internal/platform"
)

// Where the builder's own things are while a build runs; run.sh knows them too.
const (
	planDir    = contract.RunDir + "/sluice/plan"
	sourceDir  = contract.RunDir + "/sluice/source"
	secretPath = contract.SecretDir + "/build"
	seedDir    = contract.RunDir + "/sluice/seed"
	homeDir    = "/tmp/home" // gone with the build: what a tool saves there reaches no other
)

// vertexBuild is what BuildKit calls the container of a build in its events.
const vertexBuild = "build"

// keyVariable holds the key's digest, by which a build's process is found too.
const keyVariable = "SLUICE_BUILD_KEY"

// sourceName is what the session calls the source tree.
const sourceName = "source"

//go:embed run.sh
var runScript []byte

// slugState is what BuildKit is asked for: the runtime image with a new /app, written by
// one container on a read-only root. One container and one mount, because each further
// one costs a copy of the tree or a layer that keeps what a later step deletes, and
// because the second step reads all of what the first one wrote: no step could be reused
// without those before it.
func slugState(req build.Request, config imageConfig, session string, confined bool) llb.State {
	image := llb.Image(req.Base.Ref, llb.ResolveModePreferLocal, llb.WithCustomName("runtime image"))
	tools := image
	if req.Tools.Ref != "" {
		tools = llb.Image(req.Tools.Ref, llb.ResolveModePreferLocal, llb.WithCustomName("build image"))
	}
	root := tools.File(emptyAppDir(), llb.WithCustomName("mount point of the application"))
	base := image.File(emptyAppDir(), llb.WithCustomName("empty application directory"))

	options := []llb.RunOption{
		llb.Args([]string{"/bin/sh", planDir + "/run"}),
		llb.Dir("/"),
		llb.User(owner()),
		llb.ReadonlyRootFS(),
		llb.WithCustomName(vertexBuild),
		llb.AddMount(planDir, planState(req, confined), llb.Readonly),
		llb.AddMount(sourceDir, sourceState(req, session), llb.Readonly),
		llb.AddMount("/tmp", llb.Scratch(), llb.Tmpfs()),
		cacheMount(req, contract.CacheDir, req.Scope),
		llb.AddSecret(secretPath, llb.SecretID(secretID),
			llb.SecretFileOpt(contract.WebUID, contract.WebGID, 0o400)),
	}
	options = append(options, fileMounts(req.Files)...)
	options = append(options, programs(req.Programs).mounts(session)...)
	options = append(options, stepEnv(config.env(), req.Key)...)
	if req.Scope != build.ScopeProtected {
		options = append(options, llb.AddMount(seedDir, cacheSeed(req, image), llb.Readonly))
	}
	if !req.Network {
		options = append(options, llb.Network(pb.NetMode_NONE))
	}
	if req.Fresh {
		options = append(options, llb.IgnoreCache)
	}
	return root.Run(options...).AddMount(contract.AppDir, base, llb.SourcePath(contract.AppDir))
}

// owner is the web user in the form that images and containers take.
func owner() string { return strconv.Itoa(contract.WebUID) + ":" + strconv.Itoa(contract.WebGID) }

// emptyAppDir replaces whatever the runtime image has in /app.
func emptyAppDir() *llb.FileAction {
	return llb.Rm(contract.AppDir, llb.WithAllowNotFound(true)).
		Mkdir(contract.AppDir, 0o755, llb.WithUIDGID(contract.WebUID, contract.WebGID))
}

// planState holds what run.sh reads: the scripts of the steps by number, and the lists of
// paths that it removes and empties in the end.
func planState(req build.Request, confined bool) llb.State {
	plan := llb.Mkdir("/steps", 0o755).
		Mkfile("/run", 0o444, runScript).
		Mkfile("/exclude", 0o444, lines(req.Exclude)).
		Mkfile("/mounts", 0o444, lines(req.Mounts))
	if confined {
		plan = plan.Mkfile("/confined", 0o444, nil)
	}
	for i, step := range req.Steps {
		plan = plan.Mkfile(fmt.Sprintf("/steps/%d", i), 0o444, []byte(step.Script))
	}
	return llb.Scratch().File(plan, llb.WithCustomName("plan"))
}

// sourceState is the tree on this machine. The key hint lets BuildKit replace the archive
// that the application sent last; the session keeps two applications that are built at
// the same time from being given each other's.
func sourceState(req build.Request, session string) llb.State {
	return llb.Local(sourceName,
		llb.SessionID(session),
		llb.SharedKeyHint("sluice/"+req.Project+"/"+req.App),
		llb.WithCustomName("source tree"))
}

// cacheState is what a cache directory is at first: empty, and the web user's.
func cacheState() llb.State {
	return llb.Scratch().File(
		llb.Mkdir("/cache", 0o755, llb.WithUIDGID(contract.WebUID, contract.WebGID)),
		llb.WithCustomName("empty cache"))
}

// cacheID names the directory that the builds of an application for environments of one
// type share.
func cacheID(req build.Request, scope string) string {
	return "sluice/cache/" + req.Project + "/" + req.App + "/" + scope
}

// cacheMount mounts the cache of a scope, which one build at a time has.
func cacheMount(req build.Request, target, scope string, more ...llb.MountOption) llb.RunOption {
	return llb.AddMount(target, cacheState(), append(more, llb.SourcePath("/cache"),
		llb.AsPersistentCacheDir(cacheID(req, scope), llb.CacheMountLocked))...)
}

// seedScript fills an empty cache. A copy that fails leaves a cache that saves less.
const seedScript = `[ -n "$(ls -A /cache)" ] || cp -a /from/. /cache/ 2>/dev/null || true`

// cacheSeed copies the cache of the protected environments to that of the others, once: the
// result, an empty directory, is cached. The first cache is mounted read-only, so nothing
// that a branch leaves in its own reaches a build for the live site.
func cacheSeed(req build.Request, image llb.State) llb.State {
	return image.Run(
		llb.Args([]string{"/bin/sh", "-c", seedScript}),
		llb.User(owner()), llb.ReadonlyRootFS(), llb.Network(pb.NetMode_NONE),
		cacheMount(req, "/from", build.ScopeProtected, llb.Readonly), cacheMount(req, "/cache", req.Scope),
		llb.WithCustomName("first content of the cache"),
	).AddMount("/done", llb.Scratch())
}

// fileMounts mounts every file by itself, so that it may lie in a directory of the image.
func fileMounts(files []build.File) []llb.RunOption {
	var out []llb.RunOption
	for _, f := range files {
		one := llb.Scratch().File(
			llb.Mkfile("/file", fileMode(f.Mode), []byte(f.Content), llb.WithUIDGID(contract.WebUID, contract.WebGID)),
			llb.WithCustomName("generated "+f.Path))
		out = append(out, llb.AddMount(f.Path, one, llb.SourcePath("/file"), llb.Readonly))
	}
	return out
}

// stepEnv is the part of the environment that is not secret: the runtime image's own, the
// places where tools keep their caches, and the key's digest. The digest stands for the
// variables, which BuildKit does not see: without it a changed one would not make the
// steps run again.
func stepEnv(image []string, key build.Key) []llb.RunOption {
	var out []llb.RunOption
	add := func(name, value string) { out = append(out, llb.AddEnv(name, value)) }
	searched := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	for _, pair := range image {
		name, value, _ := strings.Cut(pair, "=")
		if name == "PATH" {
			searched = value
			continue
		}
		add(name, value)
	}
	add("PATH", strings.Join(append(globalBins(), searched), ":"))
	add("HOME", homeDir)
	add("COMPOSER_CACHE_DIR", contract.CacheDir+"/composer")
	add("npm_config_cache", contract.CacheDir+"/npm")
	add("XDG_CACHE_HOME", contract.CacheDir+"/xdg") // yarn, pip, bundler and others
	// Where "npm install -g", gem and pip put what they install: the root is read-only.
	add("NPM_CONFIG_PREFIX", contract.GlobalDir)
	add("GEM_HOME", contract.GlobalDir)
	add("PYTHONUSERBASE", contract.GlobalDir)
	add(keyVariable, key.Sum())
	return out
}

// globalBins are the directories in which package managers put the commands of globally
// installed tools.
func globalBins() []string {
	var out []string
	for _, dir := range []string{"bin", "vendor/bin", "node_modules/.bin"} {
		out = append(out, path.Join(contract.GlobalDir, dir))
	}
	return out
}

// checkPaths refuses what would lead out of the application's directory or could not be
// written in a list by lines.
func checkPaths(req build.Request) error {
	for _, p := range slices.Concat(req.Exclude, req.Mounts) {
		if p == "" || p == "." || path.IsAbs(p) || path.Clean(p) != p || strings.HasPrefix(p, "../") || p == ".." ||
			strings.ContainsAny(p, "\n\x00") {
			return platform.Errorf(platform.CodeInvalid, "the path %q is not one below the application's root; nothing was built", p)
		}
	}
	return nil
}

func lines(paths []string) []byte {
	var b strings.Builder
	for _, p := range paths {
		b.WriteString(p + "\n")
	}
	return []byte(b.String())
}
