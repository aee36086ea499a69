package gitserve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// commandSlack is what a push may send besides its objects, in bytes: refs and options.
const commandSlack = 16 << 20

// receivePack serves a push. The git process and its hooks go on when the client leaves;
// the handler returns when they are done.
func (s *Server) receivePack(w http.ResponseWriter, r *http.Request) {
	t, ok := s.admit(w, r, access.CodePushSomewhere)
	if !ok {
		return
	}
	err := s.receive(r.Context(), t, r.Header.Get("Git-Protocol"), nil, func(job context.Context, x exchange) { s.serve(job, w, r, x) })
	if err != nil {
		s.refuse(w, r, err)
	}
}

// receive runs a push whose client is there as long as ctx: it prepares the exchange that
// run has with the client, and returns when git and its hooks are done. options count where
// the pusher gives none. After an error, run was not called.
func (s *Server) receive(
	ctx context.Context, t target, version string, options map[string]string, run func(job context.Context, x exchange),
) error {
	select {
	case <-s.stopping:
		return platform.Errorf(platform.CodeUnavailable, "the server is stopping; nothing was stored").WithHint("push again in a minute")
	default:
	}
	job := context.WithoutCancel(ctx)
	stream, leave := context.WithCancelCause(ctx)
	defer leave(nil)
	go func() { // ends with the stream
		select {
		case <-s.stopping:
			leave(ErrStopping)
		case <-stream.Done():
		}
	}()
	done, err := take(ctx, s.pushes, t.project, s.Limits.Wait)
	if err != nil {
		return err
	}
	defer done()
	p := &push{Server: s, target: t, options: options}
	token, end := s.Hooks.begin(func(c call, out io.Writer) byte {
		if c.Hook == preReceive {
			return p.preReceive(job, c, out)
		}
		done() // what follows is the log of the deployment
		return p.postReceive(stream, c, out)
	})
	env, _ := protocol(version)
	run(job, exchange{
		service: receivePack, dir: t.dir, settings: receiveSettings(s.Hooks.dir, s.Limits.PushBytes), limit: s.Limits.PushBytes + commandSlack, gone: leave,
		env: append(env, envSocket+"="+s.Hooks.socket, envToken+"="+token),
	})
	end()
	p.settle(job)
	return nil
}

// push is one push that is running. Its hooks may call at any time, but each once.
type push struct {
	*Server
	target
	options map[string]string // that the pusher need not give

	mu       sync.Mutex
	accepted *platform.Push // after pre-receive
	passedOn bool           // PostReceive was called
}

// preReceive handles the hook that may still refuse the push.
func (p *push) preReceive(ctx context.Context, c call, out io.Writer) (status byte) {
	asked := p.pushOf(c)
	err := p.checkQuarantine(c.Quarantine)
	if err == nil {
		err = p.checkPush(ctx, asked, p.dir)
	}
	if err == nil {
		err = p.Gate.AuthorizePush(ctx, p.subject, asked)
	}
	if err == nil {
		err = p.Receiver.PreReceive(ctx, asked, out)
	}
	if err != nil {
		p.explain(ctx, out, err, "this push could not be checked; nothing was stored")
		return 1
	}
	asked.Quarantine = nil
	p.mu.Lock()
	defer p.mu.Unlock()
	p.accepted = &asked
	return 0
}

// postReceive handles the hook that reports what was stored.
func (p *push) postReceive(ctx context.Context, c call, out io.Writer) (status byte) {
	stored := p.pushOf(c)
	stored.Quarantine = nil
	p.received(ctx, stored, out)
	return 0 // git ignores it
}

// received passes a stored push to the Receiver, once.
func (p *push) received(ctx context.Context, stored platform.Push, out io.Writer) {
	p.mu.Lock()
	passedOn := p.passedOn
	p.passedOn = true
	p.mu.Unlock()
	if passedOn {
		return
	}
	p.noteReceived(p.dir, stored.Updates)
	err := p.Receiver.PostReceive(ctx, stored, out)
	switch {
	case err == nil:
	case ctx.Err() != nil && errors.Is(err, context.Cause(ctx)):
		_, _ = io.WriteString(out, "W: the log ends here; the deployment goes on\n")
	default:
		p.explain(ctx, out, err, "the push is stored, but its deployment could not be queued")
	}
}

// settle finishes a push whose post-receive hook never called, for example because it
// was killed: if refs moved, the Receiver must know. No client reads the output, so the
// Receiver need not follow what the push causes.
func (p *push) settle(job context.Context) {
	p.mu.Lock()
	accepted, passedOn := p.accepted, p.passedOn
	p.mu.Unlock()
	if accepted == nil || passedOn {
		return
	}
	moved, err := p.moved(job, accepted.Updates)
	if err != nil {
		p.Log.ErrorContext(job, "could not find out what a push stored", "project", p.project, "error", err)
		return
	}
	// Git refuses an update that another push has made meanwhile, and that push was received.
	moved = slices.DeleteFunc(moved, func(u platform.RefUpdate) bool { return p.wasReceived(p.dir, u) })
	if len(moved) == 0 {
		return
	}
	p.Log.WarnContext(job, "post-receive hook did not run", "project", p.project)
	stored := *accepted
	stored.Updates = moved
	unseen, end := context.WithCancelCause(job)
	end(errClientLeft)
	p.received(unseen, stored, io.Discard)
}

// moved returns the updates whose ref is now what they ask for.
func (p *push) moved(ctx context.Context, updates []platform.RefUpdate) ([]platform.RefUpdate, error) {
	cmd := p.git.Command(ctx, nil, []string{"GIT_DIR=" + p.dir}, "for-each-ref", "--format=%(objectname) %(refname)")
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git for-each-ref: %w: %s", err, cmd.Stderr())
	}
	now := map[string]string{}
	for line := range strings.Lines(string(out)) {
		id, ref, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		now[ref] = id
	}
	var moved []platform.RefUpdate
	for _, u := range updates {
		if id, exists := now[u.Ref]; id == u.New || (u.Deletes() && !exists) {
			moved = append(moved, u)
		}
	}
	return moved, nil
}

func (p *push) pushOf(c call) platform.Push {
	options := maps.Clone(p.options)
	if options == nil {
		options = map[string]string{}
	}
	maps.Copy(options, c.Options)
	return platform.Push{Project: p.project, Actor: p.subject.Actor, Updates: c.Updates, Options: options, Quarantine: c.Quarantine}
}

// checkQuarantine lets a hook name only directories of its own repository, for they are
// read with our rights.
func (p *push) checkQuarantine(env []string) error {
	objects := filepath.Join(p.dir, "objects")
	for _, kv := range env {
		_, dirs, _ := strings.Cut(kv, "=")
		for dir := range strings.SplitSeq(dirs, ":") {
			if dir = filepath.Clean(dir); dir != objects && !strings.HasPrefix(dir, objects+"/") {
				return fmt.Errorf("hook names the quarantine %s, which is not in %s", kv, objects)
			}
		}
	}
	return nil
}

// explain shows the pusher what went wrong and what to do. Internal errors go to the log,
// and the pusher reads fallback instead.
func (p *push) explain(ctx context.Context, out io.Writer, err error, fallback string) {
	text, hint := err.Error(), platform.ErrorHint(err)
	if platform.ErrorCode(err) == platform.CodeInternal {
		p.Log.ErrorContext(ctx, "could not receive a push", "project", p.project, "error", err)
		text, hint = fallback, "Try again in a minute; if it happens again, ask the operator."
	}
	lines := prefixLines("E: ", text)
	if hint != "" {
		lines += prefixLines("   ", hint)
	}
	_, _ = io.WriteString(out, lines) // the pusher may have left
}

func prefixLines(prefix, text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimRight(text, "\n") + "\n") {
		b.WriteString(prefix + line)
	}
	return b.String()
}
