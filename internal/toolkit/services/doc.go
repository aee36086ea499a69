// Package services knows the services beside the application: which relationship is which
// service, how to reach it and which version it has.
//
// It asks servers for their version and Redis for more, each with a time limit; it changes
// nothing else and reads no files.
package services
