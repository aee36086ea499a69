// Package feed is how people watch work happen: it keeps the logs of activities as
// append-only files that can be followed while they grow, and tells subscribers in this
// process when an activity changes.
//
// A log is a file <id>.log of one JSON object per line (spec: platform 5.4). Lines have
// identifiers that never change, also over a restart; a seal ends the log. Nothing here
// blocks the publisher: a slow follower reads later from the file, a slow subscriber is
// told to read the store again.
//
// The package decides nothing, keeps no state of activities (the store does) and knows
// no other adapter.
package feed
