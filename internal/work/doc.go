// Package work runs activities: the queue, the claim of the environments that an activity
// needs, its log, cancelling, how it is concluded, and what becomes of it after a crash of the
// control plane. What an activity does is a Kind, which another package registers: a
// deployment, a deactivation.
//
// An activity locks its environments when it is claimed, all at once or none, and in the
// order in which activities were queued; so two activities never wait for each other.
//
// It may import platform and termtext, and neither net/http nor database/sql. It knows no kind.
package work
