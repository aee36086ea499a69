// Package webhook sends events of activities to the receivers of integrations: POST requests
// over HTTP, signed where the integration has a key, repeated until a receiver takes them or
// its attempts are used up. What is to be sent, and what came of it, is in Records.
//
// Receivers are addresses that users of projects choose. So connections are made to public
// addresses only, or to networks that the operator names, redirects are not followed, and time,
// size and number of requests are bounded.
//
// It may import platform and fair. What a request contains is rendered elsewhere.
package webhook
