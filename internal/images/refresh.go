package images

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"sluice/internal/catalog"
	"sluice/internal/platform"
)

// oldAge is when deployments begin to say that an assembled image has become old.
const oldAge = 30 * 24 * time.Hour

// stamp makes the tag of a refreshed image: later ones come later in the order of text.
const stamp = "20060102150405"

// Newest returns the image that deployments use now: the one of the definition, or the last
// that Refresh made of it. ok is false when the store has none.
func (a *Assembler) Newest(ctx context.Context, img catalog.Image) (newest platform.StoredImage, ok bool, err error) {
	ref, err := Reference(img)
	if err != nil {
		return platform.StoredImage{}, false, err
	}
	if img.Debian == nil {
		digest, ok, err := a.store.Lookup(ctx, ref)
		if err != nil {
			return platform.StoredImage{}, false, fmt.Errorf("look up image %s: %w", ref, err)
		}
		return platform.StoredImage{ImageRef: platform.ImageRef{Ref: ref, Digest: digest}}, ok, nil
	}
	_, name, _ := strings.Cut(ref, "/")
	repository, want, _ := strings.Cut(name, ":")
	newestTag := ""
	for _, h := range []string{host, formerHost} {
		all, err := a.store.List(ctx, h+"/"+repository)
		if err != nil {
			return platform.StoredImage{}, false, fmt.Errorf("look up image %s: %w", ref, err)
		}
		for _, s := range all {
			_, tag, _ := strings.Cut(s.Ref, ":")
			if (tag == want || strings.HasPrefix(tag, want+"-")) && tag > newestTag {
				newest, newestTag, ok = s, tag, true
			}
		}
	}
	return newest, ok, nil
}

// Refresh makes an image again from today's packages, or pulls it again, and returns it. The
// next deployment of each environment uses it; until then, and for going back to an earlier
// release, the one before stays under its own name.
func (a *Assembler) Refresh(ctx context.Context, img catalog.Image, log io.Writer) (platform.ImageRef, error) {
	return a.provide(ctx, img, log, true)
}

// warnOfAge says which image lacks the security fixes of the last weeks.
func warnOfAge(log io.Writer, img catalog.Image, have platform.StoredImage) {
	if age := time.Since(have.Created); img.Debian != nil && age > oldAge && !have.Created.IsZero() {
		_, _ = fmt.Fprintf(log, "W: image %s is %d days old and has no security fixes since then; have the operator run: sluiced images --refresh %s\n",
			img.Name, int(age.Hours()/24), img.Name)
	}
}
