package platform

// ImageConfig is what an image says about how containers of it start. A release's
// specification overrides all of it; it is there for people who run an image by hand.
type ImageConfig struct {
	Command []string          // empty: none
	Env     map[string]string // without secrets
	Dir     string            // working directory; empty: "/"
	User    string            // "uid:gid"; empty: root
	Labels  map[string]string
}
