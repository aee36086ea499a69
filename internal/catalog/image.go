package catalog

// Image says where an image comes from. Exactly one of Debian and Reference is set.
type Image struct {
	Name      string  // stable local name, "php-8.2"
	Debian    *Debian // assembled here from signed packages
	Reference string  // pulled from a registry
}

// Debian describes an image assembled by mmdebstrap.
type Debian struct {
	Suite    string            // "bookworm"
	Packages []string          // beside the minimal base
	Files    []File            // written into the image before Script runs
	Script   string            // POSIX shell, run once in the root with chroot; no network
	Env      map[string]string // set in every container that does not say otherwise
}

// File is a file of an image.
type File struct {
	Path    string // absolute
	Mode    uint32 // permission bits
	Content string
}

// Debian's suites that images are assembled from.
const (
	bullseye = "bullseye"
	bookworm = "bookworm"
	trixie   = "trixie"
)
