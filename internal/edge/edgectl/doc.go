// Package edgectl is the router's control socket: a Server in the router's process and a
// Client in the control plane's, over HTTP and JSON on a unix socket that only its owner
// can open.
//
// Every request may be sent again when its answer was lost. A hold lives in the router:
// when the control connection goes away, only the wait for the drain ends.
//
// It may import edge and platform only.
package edgectl
