// Package urlmap makes base URLs of the platform's routes: one for the default domain and
// one for each further store, with and without TLS; and it says how base URLs that a shop has
// are replaced by those. Every URL that it gives is one at which a route answers. It is pure.
package urlmap
