// Package httpapi serves the HTTP API of Sluice: it turns requests into calls of the small
// interfaces in ports.go, and nouns and errors into the wire types of apiv1.
//
// It decides nothing about deployments and keeps no state. It may import platform and
// apiv1, never the pipeline or another adapter: cmd/sluiced joins them.
//
// What it promises: every response below /api is JSON (or a stream), an error has a status
// from one table, an internal error shows only an identifier that is also in the log,
// bodies are bounded, and the value of a sensitive variable is never in a response.
package httpapi
