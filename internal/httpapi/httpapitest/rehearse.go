package httpapitest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// Rehearse makes an activity of production. It passes, unless a page is named that contains
// "broken".
func (p *Platform) Rehearse(ctx context.Context, project string, req platform.RehearseRequest, by platform.Actor) (platform.Activity, error) {
	production, err := p.Environment(ctx, project, p.projects[project].DefaultBranch)
	if err == nil {
		err = access.State(access.Rehearse, p.projects[project], production)
	}
	if err != nil {
		return platform.Activity{}, err
	}
	params := map[string]string{platform.ParameterRehearseFrom: req.From, platform.ParameterPages: strings.Join(req.Pages, "\n")}
	if req.KeepPersonalData {
		params[platform.ParameterKeepPersonal] = "true"
	}
	if strings.Contains(params[platform.ParameterPages], "broken") {
		params["fake"] = "deploy"
	}
	return p.operate(project, production.Name, by, platform.ActivityRehearse, params), nil
}

// Rehearsal implements httpapi.Activities: every rehearsal has found the same.
func (p *Platform) Rehearsal(ctx context.Context, activity string) (platform.Rehearsal, error) {
	a, err := p.Activity(ctx, activity)
	if err != nil || a.Type != platform.ActivityRehearse {
		return platform.Rehearsal{}, platform.Errorf(platform.CodeNotFound, "activity %q has no report of a rehearsal", activity)
	}
	passed, problems := a.Result == platform.ResultSuccess, "[]"
	if !passed {
		problems = `["the page /broken responds with status 500, before with status 200"]`
	}
	report := fmt.Sprintf(`{"activity":%q,"project":"shop","environment":"main","from":%q,"commit":"aaaaaaaaaaaaaaaaaaaa","base":{"release":"r12","commit":"bbbbbbbbbbbbbbbbbbbb"},`+
		`"at":"2026-01-31T12:00:00Z","took":61,"personal_data":"sanitized","passed":%t,"problems":%s,"hold":{"held":true,"seconds":1.5,"limit":300},"data":{"after":"never written to by a deployment"}}`,
		a.ID, a.Parameters[platform.ParameterRehearseFrom], passed, problems)
	return platform.Rehearsal{Activity: a.ID, Report: json.RawMessage(report)}, nil
}
