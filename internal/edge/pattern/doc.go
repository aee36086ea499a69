// Package pattern matches the regular expressions of repositories in bounded time.
//
// Repositories are written by other people, and one router serves all of them. An
// expression that Go's regexp understands takes time in proportion to the text. The rest,
// which needs lookaround or backreferences, goes to a backtracking engine that a text can
// make exponentially slow: it gets a few milliseconds. All expressions that one request is
// compared with share one Budget, and an expression that is slow again and again is
// switched off.
//
// The package knows nothing of routes and caches. It may import the standard library and
// regexp2 only.
package pattern
