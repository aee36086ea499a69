// Package docker runs environments on a Docker engine: it implements the engine port and
// the image store on the Docker Engine API, from version 1.41 (Docker 20.10) on.
//
// Every method observes what exists, computes a plan (a pure function from the
// specification and the observation to a list of actions, each with its cause) and lets
// an executor carry it out that decides nothing. All state is in Docker and below the
// data directory: objects carry labels by which they are found again after a crash, so
// the package needs no store.
//
// It is an adapter: it knows platform, contract and its port. It does not decide when
// something is done, speaks to no router and knows nothing of projects or manifests.
package docker
