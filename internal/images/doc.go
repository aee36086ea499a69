// Package images makes the images that the catalog describes available to the engine:
// Debian definitions are assembled by mmdebstrap from signed packages and imported, so
// that no container registry is needed; references are pulled.
//
// It is an adapter: it knows platform and catalog, starts mmdebstrap and talks to the
// image store through Store. It decides nothing about which image a release needs and
// never removes an image.
package images
