package images

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"sluice/internal/catalog"
)

// recipe is a part of every assembled image's name. It changes when the arguments of
// mmdebstrap change in a way that makes other images of the same definitions.
const recipe = "1"

// Whose names assembled images have. Nobody can have a registry below .invalid (RFC 6761), so
// that an image which is not there any more is looked for nowhere. Names that earlier
// versions gave mean an account of Docker's public registry; such images are still used,
// until they are refreshed.
const (
	host       = "sluice.invalid"
	formerHost = "sluice"
)

// Reference returns what the store calls an image: the registry's name, or
// "sluice.invalid/php-8.2:0a1b2c3d4e5f" for an assembled one. The tag is a digest of the
// definition, so that a changed definition is another image and the old one stays.
func Reference(img catalog.Image) (string, error) {
	if img.Debian == nil {
		return img.Reference, nil
	}
	definition, err := json.Marshal(img.Debian)
	if err != nil {
		return "", fmt.Errorf("name image %s: %w", img.Name, err)
	}
	sum := sha256.Sum256(append(definition, recipe...))
	return host + "/" + img.Name + ":" + hex.EncodeToString(sum[:])[:12], nil
}
