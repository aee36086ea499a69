package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"

	"sluice/internal/catalog"
	"sluice/internal/platform"
)

// complaint maps what mmdebstrap and apt print to what the operator can do about it.
type complaint struct {
	says []string // any of these
	hint string
}

// notFound is what apt prints of a package that the index lists and the archive does not have.
const notFound = "404  Not Found"

func complaints(o Options) []complaint {
	return []complaint{
		{
			[]string{"Temporary failure resolving", "Could not resolve", "Could not connect", "Connection timed out", "Unable to connect", "Connection failed", "503  "},
			"the archive does not answer: check that this machine reaches " + o.Mirror + ", or name another mirror in the server's configuration",
		},
		{
			[]string{notFound},
			"the archive no longer has all packages of this suite, as happens after the end of its support: name a mirror that has them in the server's configuration",
		},
		{
			[]string{"NO_PUBKEY", "is not signed", "no valid OpenPGP", "signatures couldn't be verified"},
			"the keys of Debian's archive are missing or old: apt-get install debian-archive-keyring",
		},
		{[]string{"No space left on device"}, "free some disk space: an image needs about 1 GB while it is made"},
		{[]string{"unshare failed", "Operation not permitted"}, "run the server as root: assembling images needs to change the root directory"},
	}
}

// explain turns a failure of mmdebstrap into something the operator can fix.
func (a *Assembler) explain(img catalog.Image, err error, p *progress) error {
	out := &platform.Error{
		Code:    platform.CodeUnavailable,
		Message: fmt.Sprintf("image %s could not be assembled; nothing was changed", img.Name),
		Err:     err,
	}
	if errors.Is(err, exec.ErrNotFound) {
		out.Message = fmt.Sprintf("image %s could not be assembled, for mmdebstrap is not on this machine; nothing was changed", img.Name)
		out.Hint = "apt-get install mmdebstrap debian-archive-keyring"
		return out
	}
	if len(p.tail) > 0 {
		out.Err = fmt.Errorf("%w; its last words:\n  %s", err, strings.Join(p.tail, "\n  "))
	}
	for _, c := range complaints(a.options) {
		if slices.ContainsFunc(c.says, p.said) {
			out.Hint = c.hint
			return out
		}
	}
	return out
}

// pull fetches a referenced image.
func (a *Assembler) pull(ctx context.Context, img catalog.Image, log io.Writer) (string, error) {
	_, _ = fmt.Fprintf(log, "Pulling %s for %s\n", img.Reference, img.Name)
	pulling, cancel := context.WithTimeoutCause(ctx, a.options.PullTime, fmt.Errorf("the registry took longer than %s", a.options.PullTime))
	defer cancel()
	digest, err := a.store.Pull(pulling, img.Reference, log)
	if err == nil {
		_, _ = fmt.Fprintf(log, "Pulled %s: %s\n", img.Reference, digest)
		return digest, nil
	}
	if ctx.Err() != nil {
		return "", fmt.Errorf("pull %s: %w", img.Reference, context.Cause(ctx))
	}
	if pulling.Err() != nil {
		err = context.Cause(pulling)
	}
	if said, ok := errors.AsType[*platform.Error](err); ok && said.Err != nil {
		err = said.Err // the store says the same of the reference; what the registry said matters
	}
	out := &platform.Error{
		Code:    platform.CodeUnavailable,
		Message: fmt.Sprintf("image %s for %s could not be pulled; nothing was changed", img.Reference, img.Name),
		Hint:    pullHint(err) + "name an image that this machine can pull in the server's catalog file",
		Err:     clipped(err),
	}
	if a.options.Catalog != nil {
		if have := a.options.Catalog.Siblings(img); len(have) > 0 {
			out.Hint += ", or use a version that is assembled here: " + strings.Join(have, ", ")
		}
	}
	return "", out
}

// maxSaid bounds what a registry's words may add to an error, in bytes.
const maxSaid = 500

// clipped shortens an error that quotes a registry, which may send a whole page.
func clipped(err error) error {
	text := strings.Join(strings.Fields(strings.ToValidUTF8(err.Error(), "")), " ")
	if len(text) <= maxSaid {
		return err
	}
	return fmt.Errorf("%s... (%d bytes)", strings.ToValidUTF8(text[:maxSaid], ""), len(text))
}

// pullHint says what a registry's words mean, as the beginning of a hint.
func pullHint(err error) string {
	text := strings.ToLower(err.Error())
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
	}
	switch {
	case has("toomanyrequests", "rate limit"):
		return "the registry limits anonymous pulls: wait, or run docker login as root; or "
	case has("unauthorized", "denied", "no basic auth"):
		return "the registry wants a login, or has no such image: run docker login as root; or "
	case has("manifest unknown", "not found", "does not exist"):
		return "the registry has no such tag: check the name; or "
	case has("no such host", "connection refused", "timeout", "took longer", "network is unreachable", "x509"):
		return "the registry cannot be reached from this machine: check its name servers, proxy and certificates; or "
	}
	return ""
}
