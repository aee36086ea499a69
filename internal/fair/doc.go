// Package fair shares a number of slots among projects, so that none of them keeps the others
// waiting: for Git operations, orders of certificates and webhooks. It knows nothing of what runs in
// a slot.
package fair
