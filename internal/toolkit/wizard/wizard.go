package wizard

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/tree"
	"sluice/internal/toolkit/validate"
)

// The wizards, by the names of their commands.
const (
	ScdOnBuild   = "wizard:scd-on-build"
	ScdOnDeploy  = "wizard:scd-on-deploy"
	ScdOnDemand  = "wizard:scd-on-demand"
	IdealState   = "wizard:ideal-state"
	MasterSlave  = "wizard:master-slave"
	SplitDBState = "wizard:split-db-state"
	All          = "wizard:all"
)

// Wizard is one of them.
type Wizard struct {
	Name, Doc string
	Run       func(ctx context.Context, k *kit.Kit) (Report, error)
}

// Wizards returns those of the original, in the order of their names.
func Wizards() []Wizard {
	return []Wizard{
		{IdealState, "Verifies ideal state of configuration", idealState},
		{MasterSlave, "Verifies master-slave configuration", masterSlave},
		{ScdOnBuild, "Verifies SCD on build configuration", scdOnBuild},
		{ScdOnDemand, "Verifies SCD on demand configuration", scdOnDemand},
		{ScdOnDeploy, "Verifies SCD on deploy configuration", scdOnDeploy},
		{SplitDBState, "Verifies ability to split DB and whether DB was already split or not", splitDBState},
	}
}

// ask runs the wizard; its report has the wizard's name.
func (w Wizard) ask(ctx context.Context, k *kit.Kit) (Report, error) {
	r, err := w.Run(ctx, k)
	if err != nil {
		return Report{}, fmt.Errorf("%s: %w", w.Name, err)
	}
	r.Wizard = w.Name
	if r.Items == nil {
		r.Items = []Item{}
	}
	return r, nil
}

// Ask asks the wizard of a command.
func Ask(ctx context.Context, k *kit.Kit, name string) (Report, error) {
	all := Wizards()
	i := slices.IndexFunc(all, func(w Wizard) bool { return w.Name == name })
	if i < 0 {
		return Report{}, fmt.Errorf("no such wizard: %q", name)
	}
	return all[i].ask(ctx, k)
}

func items(found []*fault.Fault) []Item {
	out := make([]Item, len(found))
	for i, f := range found {
		out[i] = Item{Text: f.Message, Suggestion: f.Suggestion}
	}
	return out
}

// verdict fills in the answer of a wizard that fails when it has findings.
func verdict(found []*fault.Fault, yes, no string) Report {
	r := Report{OK: len(found) == 0, Result: yes, Items: items(found)}
	if !r.OK {
		r.Result, r.Status = no, 1
	}
	return r
}

func scdOnBuild(ctx context.Context, k *kit.Kit) (Report, error) {
	found, err := validate.ScdOnBuildFindings(ctx, k)
	return verdict(found, "SCD on build is enabled", "SCD on build is disabled"), err
}

func scdOnDeploy(ctx context.Context, k *kit.Kit) (Report, error) {
	found, err := validate.ScdOnDeployFindings(ctx, k)
	return verdict(found, "SCD on deploy is enabled", "SCD on deploy is disabled"), err
}

func scdOnDemand(_ context.Context, k *kit.Kit) (Report, error) {
	on, err := k.Stages.Global.Bool("SCD_ON_DEMAND")
	r := verdict(nil, "SCD on demand is enabled", "")
	if !on {
		r = Report{Result: "SCD on demand is disabled", Status: 1}
	}
	return r, err
}

// idealState ends with the number of its findings.
func idealState(ctx context.Context, k *kit.Kit) (Report, error) {
	found, err := validate.IdealStateFindings(ctx, k)
	r := verdict(found, "The configured state is ideal", "The configured state is not ideal")
	r.Status = len(found)
	return r, err
}

// masterSlave always ends with 0.
func masterSlave(_ context.Context, k *kit.Kit) (Report, error) {
	var found []*fault.Fault
	for _, s := range []struct{ name, text string }{
		{"MYSQL_USE_SLAVE_CONNECTION", "MySQL slave connection is not configured"},
		{"REDIS_USE_SLAVE_CONNECTION", "Redis slave connection is not configured"},
	} {
		on, err := k.Stages.Deploy.Bool(s.name)
		if err != nil {
			return Report{}, err
		}
		if !on {
			found = append(found, &fault.Fault{Message: s.text, Suggestion: "Set " + s.name + " to true in stage.deploy of .magento.env.yaml, if the service has replicas."})
		}
	}
	r := verdict(found, "Slave connections are configured", "Slave connections are not configured")
	r.Status = 0
	return r, nil
}

// splitDBState always ends with 0.
func splitDBState(_ context.Context, k *kit.Kit) (Report, error) {
	env, err := k.PHPFile(tree.EnvPHP).Read()
	if err != nil {
		return Report{}, err
	}
	connections := env.Sub("db", "connection")
	var split []string
	for _, pair := range [][2]string{{"checkout", "quote"}, {"sales", "sales"}} {
		if connections.Has(pair[0]) {
			split = append(split, pair[1])
		}
	}
	r := Report{OK: true, resultFirst: true}
	switch {
	case len(split) > 0:
		r.Result = "DB is already split with type(s): " + strings.Join(split, ", ")
	case hasHost(k, "database-quote") || hasHost(k, "database-sales"):
		r.Result, r.Items = "DB is not split", []Item{{Text: "You may split DB using SPLIT_DB variable in .magento.env.yaml file"}}
	default:
		r.Result, r.Items = "DB is not split", []Item{{Text: "DB cannot be split on this environment"}}
	}
	return r, nil
}

func hasHost(k *kit.Kit, relationship string) bool {
	return phparray.Truthy(k.Platform.Relationship(relationship).Get("host"))
}
