// Package feed keeps the logs of activities as append-only files that can be followed
// while they grow.
//
// A log is a file <id>.log of one JSON object per line. Lines have identifiers that never
// change, also over a restart; a seal ends the log. A slow follower never blocks a writer:
// it reads later from the file. Lines are safe to show on a terminal, and do not hold the
// secrets that were named (Mask).
//
// The package decides nothing, keeps no state of activities (the store does) and knows
// no other adapter.
package feed
