package validate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/internal/composer"
	"sluice/internal/support"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/services"
)

// Services says which versions the services of an environment have.
type Services interface {
	// Version returns the version of a service: php, mariadb, mysql, aurora, redis, valkey,
	// rabbitmq, elasticsearch, ... ; services.Undetected when the environment has none.
	Version(ctx context.Context, k *kit.Kit, service string) (string, error)
	// Database returns which of mysql, mariadb and aurora the database is.
	Database(ctx context.Context, k *kit.Kit) (string, error)
}

// versioned are the services whose version must fit Magento's, without the database.
func versioned() []string {
	return []string{"rabbitmq", "redis", "redis-session", "valkey", "valkey-session", elasticsearch, opensearch}
}

// serviceVersion warns of services in versions that Magento does not support. A service
// that does not tell its version hides none of the others.
func serviceVersion(found Services) checkFunc {
	return func(ctx context.Context, k *kit.Kit) (*fault.Fault, error) {
		magento, err := k.MagentoVersion()
		if err != nil {
			return nil, err
		}
		names := versioned()
		var failed, lines []string
		if database, err := found.Database(ctx, k); err != nil {
			failed = append(failed, err.Error())
		} else if database != "" {
			names = append(names, database)
		}
		for _, name := range names {
			version, err := found.Version(ctx, k, name)
			if err != nil {
				failed = append(failed, err.Error())
				continue
			}
			if version == services.Undetected {
				k.Log.Infof("Version of service '%s' is not detected", name)
				continue
			}
			k.Log.Infof("Version of service '%s' is %s", name, version)
			if why := support.Unsupported(magento, name, version); why != "" {
				lines = append(lines, why)
			}
		}
		return versionFinding(lines, failed), nil
	}
}

func versionFinding(lines, failed []string) *fault.Fault {
	cannot := ""
	if len(failed) > 0 {
		cannot = "Can't validate version of some services: " + strings.Join(failed, "; ")
	}
	switch {
	case len(lines) > 0:
		return finding(codeServiceVersion, "The current configuration is not compatible with this version of Magento",
			strings.Join(slices.DeleteFunc(append(lines, cannot), func(s string) bool { return s == "" }), "\n"))
	case cannot != "":
		return &fault.Fault{Message: cannot}
	}
	return nil
}

// serviceEOL warns of services whose support has ended, or, at level notice, of those whose
// support ends within four months.
func serviceEOL(found Services, level fault.Level) checkFunc {
	return func(ctx context.Context, k *kit.Kit) (*fault.Fault, error) {
		var lines []string
		for _, name := range append([]string{"php"}, append(versioned(), "database")...) {
			kind := name
			if name == "database" {
				database, err := found.Database(ctx, k)
				if err != nil || database == "" {
					continue // serviceVersion says so
				}
				kind = database
			}
			version, err := found.Version(ctx, k, kind)
			if err != nil || version == services.Undetected {
				continue
			}
			if line := eolLine(kind, version, k.Now(), level); line != "" {
				lines = append(lines, line)
			}
		}
		if len(lines) == 0 {
			return nil, nil
		}
		suggestion := strings.Join(lines, "\n")
		if level >= fault.Warning {
			return finding(codeServiceEOL, "Some services have passed EOL.", suggestion), nil
		}
		return &fault.Fault{Message: "Some services are approaching EOL.", Suggestion: suggestion}, nil
	}
}

func eolLine(name, version string, now time.Time, level fault.Level) string {
	stands, end := support.EOLOf(name, version, now)
	date := end.Format(time.DateOnly)
	switch {
	case stands == support.Passed && level >= fault.Warning:
		return fmt.Sprintf("%s %s has passed EOL (%s).", name, version, date)
	case stands == support.Approaching && level < fault.Warning:
		return fmt.Sprintf("%s %s is approaching EOL (%s).", name, version, date)
	}
	return ""
}

// recommendedPHP warns of a PHP that is not the one Magento recommends: what the last
// alternative of its requirement allows.
func recommendedPHP(found Services) checkFunc {
	return func(ctx context.Context, k *kit.Kit) (*fault.Fault, error) {
		f, err := phpVersion(ctx, k, found)
		if err != nil {
			k.Log.Warningf("Can't validate version of PHP: %v", err)
			return nil, nil
		}
		return f, nil
	}
}

func phpVersion(ctx context.Context, k *kit.Kit, found Services) (*fault.Fault, error) {
	fromGit, err := k.Stages.Global.Text("DEPLOYED_MAGENTO_VERSION_FROM_GIT")
	if err != nil {
		return nil, err
	}
	if git, err := k.Tree.GitInstallation(fromGit); err != nil || git {
		return nil, err
	}
	lock, err := k.Tree.Lock()
	if err != nil {
		return nil, err
	}
	base, err := lock.Get("magento/magento2-base")
	if err != nil || base.Require["php"] == "" {
		return nil, err
	}
	alternatives := strings.FieldsFunc(base.Require["php"], func(r rune) bool { return r == '|' })
	recommended := strings.TrimSpace(alternatives[len(alternatives)-1])
	constraint, err := composer.ParseConstraint(recommended)
	if err != nil {
		return nil, err
	}
	version, err := found.Version(ctx, k, "php")
	if err != nil {
		return nil, err
	}
	running, err := composer.ParseVersion(version)
	if err != nil || constraint.Allows(running) {
		return nil, err
	}
	magento, err := k.MagentoVersion()
	if err != nil {
		return nil, err
	}
	return finding(codePHPVersion, fmt.Sprintf("For Magento %s recommended PHP version satisfying the constraint %s. Currently installed PHP version %s",
		magento, recommended, version), ""), nil
}

// resourceConfiguration wants every resource to have a connection.
func resourceConfiguration(facts Facts) checkFunc {
	return func(ctx context.Context, k *kit.Kit) (*fault.Fault, error) {
		resources, err := facts.Resources(ctx, k)
		if err != nil {
			return nil, err
		}
		var without []string
		for name, connection := range resources {
			if connection == "" {
				without = append(without, name)
			}
		}
		if len(without) == 0 {
			return nil, nil
		}
		slices.Sort(without)
		return finding(codeResource, "Variable RESOURCE_CONFIGURATION is not configured properly",
			"Add connection information to the following resources: "+strings.Join(without, ", ")), nil
	}
}
