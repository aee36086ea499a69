// Package gate decides for every request of one environment: pass, wait or turn away.
//
// A Gate is the whole truth about an environment: open, held or closed, the release that
// serves, the requests that wait and those that are under way. Everything that it decides
// is decided under one lock, so a request is either counted before a hold drains or waits.
// A hold's deadline is kept here, without any command.
//
// A request passes with a Ticket:
//
//	Gate.Admit      returns at once while the gate is open, else when it was decided
//	Ticket.Attach   what has to be stopped when the request is cut or its client leaves
//	Ticket.Answered the application began to answer: the next waiting request may go
//	Ticket.Done     it is under way no more
//
// The package knows no HTTP, no routes and no connections: releases and clients are the
// interfaces Release and Client. It may import platform only.
package gate
