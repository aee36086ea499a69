// Package buildkit builds slugs with BuildKit: the one inside a Docker engine, or a
// buildkitd at an address.
//
// A build is a definition made in Go, not a Dockerfile. It has one container: the runtime
// image, read-only; the application's directory, the cache, /tmp; the steps' scripts, and
// a session secret that carries the environment. What is left in the application's
// directory in the end is the one layer that the slug adds to the runtime image.
//
// The package speaks to BuildKit only. It neither runs containers by itself nor talks to
// the engine about images: it is given an ImageStore for that.
package buildkit

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/filesync"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/tonistiigi/fsutil"

	"sluice/internal/build"
	"sluice/internal/platform"
)

// ImageStore is where the finished images lie: the engine's, seen from here.
type ImageStore interface {
	// Find returns the content address and the size in bytes of the image that ref names.
	// ok is false when there is none.
	Find(ctx context.Context, ref string) (digest string, size int64, ok bool, err error)
	// Remove deletes the image that ref names. It is not an error when there is none.
	Remove(ctx context.Context, ref string) error
}

// Config says which BuildKit to use.
type Config struct {
	// Socket is the Unix socket of a Docker engine, such as /var/run/docker.sock. Slugs
	// appear in the engine's own store.
	Socket string
	// Address is that of a buildkitd, such as unix:///run/buildkit/buildkitd.sock. It is
	// used when Socket is empty; slugs appear in the image store of its worker.
	Address string
	Images  ImageStore
	// Limits bound every build. They are carried out by this process, so it has to be root
	// on the engine's machine; nil leaves builds without limits.
	Limits *Limits
	// Room returns the bytes that are free for builds and those that have to stay free: a
	// build that uses more is stopped. nil leaves the disk to it.
	Room func(ctx context.Context) (free, needed uint64, err error)
	// CacheBytes is what BuildKit's cache may hold; older content is removed after a build.
	// 0 leaves that to BuildKit.
	CacheBytes int64
}

// Builder is a build.Builder. It may build several applications at the same time.
type Builder struct {
	client   *client.Client
	images   ImageStore
	exporter string
	config   Config
	confined *confinement // nil: no limits
	prune    pruner
}

var _ build.Builder = (*Builder)(nil)

// New returns a builder. It connects when it is first used, and again when the connection
// broke. The caller closes it.
func New(ctx context.Context, cfg Config) (*Builder, error) {
	b := &Builder{images: cfg.Images, exporter: "moby", config: cfg}
	if cfg.Limits != nil {
		c := newConfinement(*cfg.Limits)
		b.confined = &c
	}
	options := engineOptions(cfg.Socket)
	address := "unix://" + cfg.Socket // only names the connection: engineOptions dials
	if cfg.Socket == "" {
		b.exporter, options, address = client.ExporterImage, nil, cfg.Address
	}
	c, err := client.New(ctx, address, options...)
	if err != nil {
		return nil, fmt.Errorf("create the BuildKit client: %w", err)
	}
	b.client = c
	return b, nil
}

// Close ends the connection.
func (b *Builder) Close() error {
	b.prune.close()
	return b.client.Close()
}

// Ping implements build.Builder.
func (b *Builder) Ping(ctx context.Context) error {
	if _, err := b.client.ListWorkers(ctx); err != nil {
		return unreachable(err)
	}
	return nil
}

// Lookup implements build.Builder.
func (b *Builder) Lookup(ctx context.Context, project, app string, key build.Key) (platform.Slug, bool, error) {
	ref := slugRef(project, app, key)
	digest, _, ok, err := b.images.Find(ctx, ref)
	if err != nil || !ok {
		return platform.Slug{}, false, err
	}
	return platform.Slug{App: app, Key: key.Sum(), Ref: ref, Digest: digest}, true, nil
}

// Remove implements build.Builder.
func (b *Builder) Remove(ctx context.Context, slug platform.Slug) error {
	if err := b.images.Remove(ctx, slug.Ref); err != nil {
		return fmt.Errorf("remove the slug %s: %w", slug.Ref, err)
	}
	return nil
}

// Build implements build.Builder.
func (b *Builder) Build(ctx context.Context, req build.Request, log io.Writer) (platform.Slug, error) {
	if err := checkPaths(req); err != nil {
		return platform.Slug{}, err
	}
	limit := cmp.Or(req.Timeout, build.DefaultTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errLimit)
	defer cancel()

	tree, err := openTree(req.SourceDir)
	if err != nil {
		return platform.Slug{}, err
	}
	defer func() { _ = tree.Close() }() // was only read
	mark := "sluice-" + rand.Text()
	offered := map[string]fsutil.FS{sourceName: tree}
	if err := programs(req.Programs).offer(offered); err != nil {
		return platform.Slug{}, err
	}
	secret, err := secretFile(mark, req.Env)
	if err != nil {
		return platform.Slug{}, err
	}

	ctx, watched := b.watchRoom(ctx)
	defer watched()
	p := newProgress(log, mark, req.Steps)
	if b.confined != nil {
		p.confine = func() { go b.applyLimits(ctx, req.Key, p) }
	}
	resp, err := b.solve(ctx, req, offered, secret, p)
	b.prune.after(ctx, b.client, b.config.CacheBytes)
	if err != nil {
		return platform.Slug{}, b.outcome(ctx, err, p, limit)
	}
	if p.err != nil {
		return platform.Slug{}, fmt.Errorf("write the build's log: %w", p.err)
	}
	return b.slug(ctx, req, resp)
}

// solve runs the build and returns when BuildKit and the writing of the log have ended.
func (b *Builder) solve(ctx context.Context, req build.Request, offered map[string]fsutil.FS, secret []byte, p *progress) (*client.SolveResponse, error) {
	status := make(chan *client.SolveStatus)
	logged := make(chan struct{})
	go func() {
		defer close(logged)
		for s := range status { // closed by the client
			p.update(s)
		}
		p.close()
	}()
	resp, err := b.client.Build(ctx, client.SolveOpt{
		SharedKey: "sluice",
		Session: []session.Attachable{
			// Not LocalMounts: those would give all files to root.
			filesync.NewFSSyncProvider(filesync.StaticDirSource(offered)),
			secretsprovider.FromMap(map[string][]byte{secretID: secret}),
		},
		Exports: []client.ExportEntry{{
			Type:  b.exporter,
			Attrs: map[string]string{"name": slugRef(req.Project, req.App, req.Key)},
		}},
	}, "sluice", definition(req, b.confined != nil), status)
	<-logged
	return resp, err
}

// definition is called back by BuildKit's client with the session that the build has.
func definition(req build.Request, confined bool) gateway.BuildFunc {
	return func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		config, err := baseConfig(ctx, c, req.Base)
		if err != nil {
			return nil, err
		}
		if req.Tools.Ref != "" {
			if _, err := baseConfig(ctx, c, req.Tools); err != nil {
				return nil, err
			}
		}
		def, err := slugState(req, config, c.BuildOpts().SessionID, confined).Marshal(ctx, llb.WithCaps(c.BuildOpts().LLBCaps))
		if err != nil {
			return nil, fmt.Errorf("define the build: %w", err)
		}
		res, err := c.Solve(ctx, gateway.SolveRequest{Definition: def.ToPB(), Evaluate: true})
		if err != nil {
			return nil, err
		}
		raw, err := config.slugConfig(req)
		if err != nil {
			return nil, err
		}
		res.AddMeta(exptypes.ExporterImageConfigKey, raw)
		return res, nil
	}
}

// slug describes the image that a build has made. The size is that of what the slug adds
// to the runtime image.
func (b *Builder) slug(ctx context.Context, req build.Request, resp *client.SolveResponse) (platform.Slug, error) {
	ref := slugRef(req.Project, req.App, req.Key)
	slug := platform.Slug{
		App:     req.App,
		Key:     req.Key.Sum(),
		Ref:     ref,
		Digest:  resp.ExporterResponse[exptypes.ExporterImageDigestKey],
		TreeID:  req.TreeID,
		BuiltAt: time.Now().UTC(),
	}
	digest, size, ok, err := b.images.Find(ctx, ref)
	if err != nil {
		return platform.Slug{}, fmt.Errorf("find the slug %s: %w", ref, err)
	}
	if !ok {
		return platform.Slug{}, fmt.Errorf("find the slug %s: the builder has not left it in the engine's store", ref)
	}
	slug.Digest = digest
	if _, base, ok, err := b.images.Find(ctx, req.Base.Ref); err == nil && ok {
		slug.Size = max(size-base, 0)
	}
	return slug, nil
}
