// Package static makes a shop's static content: what is to be made (locales, themes, the
// matrix), the command lines of bin/magento that make it, the check of what came out, its
// compression and its way from the build to the mount.
//
// Everything but compression and the reading of themes is pure. A Generator makes the
// content of a Plan; the one here runs bin/magento, a native one can take its place
// without another line changing. The package knows nothing of stages, flags or phases:
// the steps of build and deploy decide when it runs.
package static
