// Package store keeps the state of the control plane in one SQLite file: projects,
// environments, variables, releases, the queue of activities, build keys and tokens.
//
// Values that may hold secrets (the specification of a release, the values of variables,
// the entropy of a project) are sealed with age before they are written. All writes go
// through one connection, so a transaction never meets another one; reads use their own
// connections and see the last commit.
//
// Only this package speaks SQL. It decides nothing about deployments, publishes no
// events (the caller does, after the commit) and knows no other adapter.
package store
