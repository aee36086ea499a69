package docker

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"sluice/internal/platform"
)

// Images is Docker's image store. It is safe for concurrent use.
type Images struct {
	cli *client.Client
}

// Images returns the image store of the engine.
func (e *Engine) Images() Images { return Images{cli: e.cli} }

// localNames begin the names of images that are made here and in no registry.
const localNames = "sluice"

// local reports whether an image is made on this machine.
func local(ref string) bool {
	owner, _, _ := strings.Cut(ref, "/")
	return owner == localNames || owner == localNames+".invalid" || strings.HasPrefix(owner, localNames+"-")
}

// Lookup returns the content address of an image. ok is false when the store does not
// have it.
func (i Images) Lookup(ctx context.Context, ref string) (digest string, ok bool, err error) {
	res, err := i.cli.ImageInspect(ctx, ref)
	switch {
	case errdefs.IsNotFound(err):
		return "", false, nil
	case err != nil:
		return "", false, ended(ctx, fmt.Errorf("look up image %s: %w", ref, err))
	}
	return res.ID, true, nil
}

// List returns the images of a repository, one for each tag.
func (i Images) List(ctx context.Context, repository string) ([]platform.StoredImage, error) {
	list, err := i.cli.ImageList(ctx, client.ImageListOptions{Filters: client.Filters{}.Add("reference", repository)})
	if err != nil {
		return nil, ended(ctx, fmt.Errorf("list the images of %s: %w", repository, err))
	}
	var out []platform.StoredImage
	for _, image := range list.Items {
		for _, tag := range image.RepoTags {
			if strings.HasPrefix(tag, repository+":") {
				out = append(out, platform.StoredImage{ImageRef: platform.ImageRef{Ref: tag, Digest: image.ID}, Created: time.Unix(image.Created, 0)})
			}
		}
	}
	return out, nil
}

// Import makes an image of a root file system as an uncompressed tar and names it ref.
// When reading tar fails, nothing gets the name.
func (i Images) Import(ctx context.Context, ref string, config platform.ImageConfig, tar io.Reader) (digest string, err error) {
	instructions, err := changes(config)
	if err != nil {
		return "", fmt.Errorf("import image %s: %w", ref, err)
	}
	body := &failing{Reader: tar}
	res, err := i.cli.ImageImport(ctx, client.ImageImportSource{Source: body, SourceName: "-"}, ref,
		client.ImageImportOptions{Changes: instructions, Message: "assembled by sluice"})
	if err == nil {
		err = readStatus(res)
	}
	if cause := body.cause(); cause != nil {
		err = cause
	}
	if err != nil {
		return "", ended(ctx, fmt.Errorf("import image %s: %w", ref, err))
	}
	digest, ok, err := i.Lookup(ctx, ref)
	if err == nil && !ok {
		err = fmt.Errorf("import image %s: it is not in the store afterwards", ref)
	}
	return digest, err
}

// Pull fetches an image from its registry.
func (i Images) Pull(ctx context.Context, ref string, log io.Writer) (digest string, err error) {
	resp, err := i.cli.ImagePull(ctx, ref, client.ImagePullOptions{})
	if err != nil {
		return "", ended(ctx, pullError(ref, err))
	}
	defer resp.Close() //nolint:errcheck // opened for reading
	out := newLines(log)
	for message, err := range resp.JSONMessages(ctx) {
		switch {
		case err != nil:
			return "", ended(ctx, pullError(ref, err))
		case message.Error != nil:
			return "", pullError(ref, message.Error)
		case message.ID == "" || message.Status == "Pull complete":
			out.print(strings.TrimSpace(message.ID + " " + message.Status))
		}
	}
	digest, ok, err := i.Lookup(ctx, ref)
	if err == nil && !ok {
		err = fmt.Errorf("pull image %s: it is not in the store afterwards", ref)
	}
	return digest, err
}

// Remove takes the name ref from an image and deletes it when that was its last name. An
// image that is gone is not an error; one that a container uses is.
func (i Images) Remove(ctx context.Context, ref string) error {
	_, err := i.cli.ImageRemove(ctx, ref, client.ImageRemoveOptions{PruneChildren: true})
	if err = gone(err); err != nil {
		return ended(ctx, fmt.Errorf("remove image %s: %w", ref, err))
	}
	return nil
}

// pullError says what a registry did, for people.
func pullError(ref string, err error) error {
	return &platform.Error{
		Code:    platform.CodeUnavailable,
		Message: "image " + ref + " could not be pulled",
		Hint:    "try it by hand: docker pull " + ref,
		Err:     err,
	}
}

// changes returns a configuration as the instructions that Docker's import takes.
func changes(c platform.ImageConfig) ([]string, error) {
	var out []string
	if len(c.Command) > 0 {
		text, err := json.Marshal(c.Command)
		if err != nil {
			return nil, err
		}
		out = append(out, "CMD "+string(text))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		out = append(out, "ENV "+name+"="+quote(c.Env[name]))
	}
	if c.Dir != "" {
		out = append(out, "WORKDIR "+c.Dir)
	}
	if c.User != "" {
		out = append(out, "USER "+c.User)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Labels)) {
		out = append(out, "LABEL "+name+"="+quote(c.Labels[name]))
	}
	for _, line := range out {
		if strings.ContainsAny(line, "\r\n") {
			return nil, fmt.Errorf("a configuration cannot hold a line break: %q", line)
		}
	}
	return out, nil
}

// quote makes a value one word of an instruction, with nothing in it expanded.
func quote(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`).Replace(value) + `"`
}

// readStatus reads the messages of an import to their end and returns the error among
// them.
func readStatus(from io.ReadCloser) error {
	defer from.Close() //nolint:errcheck // opened for reading
	messages := json.NewDecoder(from)
	for {
		var m struct {
			Error string `json:"error"`
		}
		switch err := messages.Decode(&m); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case m.Error != "":
			return fmt.Errorf("docker: %s", m.Error)
		}
	}
}

// failing remembers the error that reading ended with: Docker sees only a body cut short.
type failing struct {
	io.Reader
	mu  sync.Mutex // the transport may still read when the response is there
	err error
}

// Read reads and remembers.
func (f *failing) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if err != nil && err != io.EOF {
		f.mu.Lock()
		f.err = err
		f.mu.Unlock()
	}
	return n, err
}

func (f *failing) cause() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}
