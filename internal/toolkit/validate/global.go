package validate

import (
	"context"
	"strings"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
)

// The checks of several stages. They have no level and no code of
// their own: others and the wizards are made of them.

const (
	onDemand = "SCD_ON_DEMAND variable is enabled"
	skipped  = "SKIP_SCD variable is enabled"
	onBuild  = "SCD on build is enabled"
)

// ScdOnBuildFindings returns everything that keeps static content out of the build.
func ScdOnBuildFindings(ctx context.Context, k *kit.Kit) ([]*fault.Fault, error) {
	found, err := scdSwitches(k, k.Stages.Build)
	if err != nil {
		return nil, err
	}
	scopes, err := configFileStructure(ctx, k)
	if scopes != nil {
		found = append(found, scopes)
	}
	return found, err
}

// scdOnBuild returns the first of ScdOnBuildFindings.
func scdOnBuild(ctx context.Context, k *kit.Kit) (*fault.Fault, error) {
	return firstOf(ScdOnBuildFindings(ctx, k))
}

// ScdOnDeployFindings returns everything that keeps static content out of the deployment.
func ScdOnDeployFindings(ctx context.Context, k *kit.Kit) ([]*fault.Fault, error) {
	found, err := scdSwitches(k, k.Stages.Deploy)
	if err != nil {
		return nil, err
	}
	why, err := scdOnBuild(ctx, k)
	if err == nil && why == nil {
		found = append(found, &fault.Fault{Message: onBuild})
	}
	return found, err
}

// ScdOnDeploy returns the first of ScdOnDeployFindings.
func ScdOnDeploy(ctx context.Context, k *kit.Kit) (*fault.Fault, error) {
	return firstOf(ScdOnDeployFindings(ctx, k))
}

func firstOf(found []*fault.Fault, err error) (*fault.Fault, error) {
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// scdSwitches are the variables that turn static content off in a stage.
func scdSwitches(k *kit.Kit, stage kit.Stage) ([]*fault.Fault, error) {
	var found []*fault.Fault
	for _, s := range []struct {
		stage      kit.Stage
		name, text string
	}{{k.Stages.Global, "SCD_ON_DEMAND", onDemand}, {stage, "SKIP_SCD", skipped}} {
		on, err := s.stage.Bool(s.name)
		if err != nil {
			return nil, err
		}
		if on {
			found = append(found, &fault.Fault{Message: s.text, Suggestion: "Set " + s.name + " to false in .magento.env.yaml."})
		}
	}
	return found, nil
}

// configFileStructure wants websites or stores in config.php: without them static content
// cannot be generated without a database.
func configFileStructure(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	config, err := configPHP(k)
	if err != nil {
		return nil, err
	}
	for _, scope := range []string{"websites", "stores"} {
		if hasValue(config.Get("scopes", scope)) {
			return nil, nil
		}
	}
	return &fault.Fault{
		Message: "No stores/website/locales found in config.php",
		Suggestion: strings.Join([]string{
			"To make static content in the build, when no visitor waits for it:",
			"1. sluice environment:ssh -- ece-tools config:dump",
			"2. copy app/etc/config.php of the environment into the repository",
			"3. git add -f app/etc/config.php && git commit -m 'Add the scopes' && git push",
		}, "\n"),
	}, nil
}

// hasValue reports whether anything below v, at any depth, is not empty.
func hasValue(v any) bool {
	m, ok := v.(*phparray.Array)
	if !ok {
		return phparray.Truthy(v)
	}
	for _, below := range m.All() {
		if hasValue(below) {
			return true
		}
	}
	return false
}

// skipHTMLMinification wants HTML to be minified when it is asked for.
func skipHTMLMinification(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	on, err := k.Stages.Global.Bool("SKIP_HTML_MINIFICATION")
	if err != nil || on {
		return nil, err
	}
	return &fault.Fault{
		Message:    "Skip HTML minification is disabled",
		Suggestion: "Set SKIP_HTML_MINIFICATION to true in stage.global of .magento.env.yaml.",
	}, nil
}

// postDeployHook wants the hook that takes work out of the hold.
func postDeployHook(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	if k.Platform.HasPostDeployHook() {
		return nil, nil
	}
	return &fault.Fault{
		Message: `Your application does not have the "post_deploy" hook enabled.`,
		Suggestion: strings.Join([]string{
			"Add this to .magento.app.yaml:",
			"hooks:",
			"    post_deploy: |",
			"        ece-tools run scenario/post-deploy.xml",
		}, "\n"),
	}, nil
}

// IdealStateFindings returns what keeps a project from the shortest deployment, in order.
func IdealStateFindings(ctx context.Context, k *kit.Kit) ([]*fault.Fault, error) {
	var found []*fault.Fault
	for _, check := range []checkFunc{scdOnBuild, postDeployHook, skipHTMLMinification} {
		f, err := check(ctx, k)
		if err != nil {
			return nil, err
		}
		if f != nil {
			found = append(found, f)
		}
	}
	return found, nil
}

// idealState is one finding for all of IdealStateFindings.
func idealState(ctx context.Context, k *kit.Kit) (*fault.Fault, error) {
	found, err := IdealStateFindings(ctx, k)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	parts := make([]string, len(found))
	for i, f := range found {
		parts[i] = f.Message
		if f.Suggestion != "" {
			parts[i] += "\n" + indent(f.Suggestion)
		}
	}
	return finding(codeIdealState, "The configured state is not ideal", strings.Join(parts, "\n\n")), nil
}
