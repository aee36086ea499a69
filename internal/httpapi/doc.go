// Package httpapi serves the HTTP API of Sluice: it turns requests into calls of the small
// interfaces in ports.go, has package hal render what they return, and gives each error the
// status of its code. Resources are below /api, and the same at the root, where clients begin.
//
// It decides nothing about deployments and keeps no state. It may import platform, access, hal
// and apiv1, never the pipeline or another adapter: cmd/sluiced joins them.
//
// What it promises: every response is JSON (or a stream), an error has a status
// from one table, an internal error shows only an identifier that is also in the log,
// bodies are bounded, and the value of a sensitive variable is never in a response.
package httpapi
