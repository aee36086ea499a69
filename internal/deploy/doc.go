// Package deploy is the pipeline: it validates pushes, queues activities, and takes each
// one through build, prepare, pre-flight, hold, apply, release and post-deploy, recording
// every step before it begins so that a crash at any point can be recovered from.
//
// It decides; ports and the small interfaces below act. It may import platform, access,
// catalog, manifest, contract, build, engine, topology, plan and work, and neither net/http
// nor database/sql: transports and storage are adapters. Only cmd/sluiced imports it.
package deploy
