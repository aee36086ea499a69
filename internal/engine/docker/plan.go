package docker

import (
	"fmt"
	"strings"
)

// plan is what has to be done, as data: stages one after the other, the chains of a stage
// side by side, the actions of a chain in order.
type plan []stage

type (
	stage []chain
	chain []action
)

// action is one thing to do and why.
type action struct {
	verb      verb
	subject   string // for people: "service mysql"
	cause     string // for people: "not found"; empty for what follows from the action before
	container string // its name in Docker
	id        string // its id, for what existed before the plan
	wanted    wanted // what to make, for the verbs that need it
	path      string // below the data directory, for removeTree
	image     string // for pullImage
}

// verb is what an action does; its text is how plans and logs call it.
type verb string

const (
	createNetwork verb = "create network"
	removeNetwork verb = "remove network"
	pullImage     verb = "pull"
	makeVolumes   verb = "make volumes of"
	create        verb = "create"
	start         verb = "start"
	limit         verb = "limit"
	stop          verb = "stop"
	silence       verb = "end" // like stop, but only until the processes are gone
	remove        verb = "remove"
	awaitHealthy  verb = "await health of"
	setUp         verb = "set up"
	awaitReady    verb = "await answer of"
	postStart     verb = "run post_start in"
	removeTree    verb = "delete"
)

// String returns the action as one line: what, and why.
func (a action) String() string {
	if a.cause == "" {
		return string(a.verb) + " " + a.subject
	}
	return fmt.Sprintf("%s %s (%s)", a.verb, a.subject, a.cause)
}

// String returns one line for each action: the number of its stage, then the action. Chains
// are separated by the indentation of what follows their first action.
func (p plan) String() string {
	var b strings.Builder
	for i, s := range p {
		for _, c := range s {
			for j, a := range c {
				indent := ""
				if j > 0 {
					indent = "  "
				}
				fmt.Fprintf(&b, "%d %s%s\n", i+1, indent, a)
			}
		}
	}
	return b.String()
}

// add appends a stage that has anything to do.
func (p plan) add(s stage) plan {
	var kept stage
	for _, c := range s {
		if len(c) > 0 {
			kept = append(kept, c)
		}
	}
	if len(kept) == 0 {
		return p
	}
	return append(p, kept)
}
