package validate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sluice/internal/manifest"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
)

// EnvironmentVariables refuses the variable of the removed Braintree module in the
// environment (spec: ece-tools 6.3).
func EnvironmentVariables(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	version, err := k.MagentoVersion()
	if err != nil || !version.Satisfies(">=2.4.0") {
		return nil, err
	}
	if v, _ := k.Env(braintree); phparray.Truthy(v) {
		return titled(133), nil
	}
	return nil, nil
}

// MageMode warns of a mode that a deployment does not keep (spec: ece-tools 6.3).
func MageMode(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	if mode, _ := k.Env("MAGE_MODE"); mode != "" && mode != "production" {
		return titled(2027), nil
	}
	return nil, nil
}

// DatabaseConfiguration wants a custom database connection to be whole (spec: ece-tools 6.3).
func DatabaseConfiguration(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	m, err := k.Stages.Deploy.Map("DATABASE_CONFIGURATION")
	if err != nil || m.Len() == 0 {
		return nil, err
	}
	if flag := m.Get("_merge"); phparray.Truthy(flag) {
		return nil, nil
	}
	for _, key := range []string{"host", "dbname", "username", "password"} {
		if v := m.Get("connection", "default", key); v == nil {
			return finding(109, "Variable DATABASE_CONFIGURATION is not configured properly",
				"At least host, dbname, username and password options must be configured for the default connection."), nil
		}
	}
	return nil, nil
}

// SearchConfiguration wants an engine in a custom search configuration, and not MySQL since
// 2.4 (spec: ece-tools 6.3).
func SearchConfiguration(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	m, replaces, err := custom(k.Stages.Deploy, "SEARCH_CONFIGURATION")
	if err != nil {
		return nil, err
	}
	version, err := k.MagentoVersion()
	if err != nil {
		return nil, err
	}
	switch engine := m.Text("engine"); {
	case version.AtLeast("2.4.0") && engine == "mysql":
		return titled(135), nil
	case replaces && engine == "":
		return finding(111, "Variable SEARCH_CONFIGURATION is not configured properly", "At least engine option must be configured."), nil
	}
	return nil, nil
}

// SessionConfiguration wants a custom session configuration to say where sessions are kept
// (spec: ece-tools 6.3).
func SessionConfiguration(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	m, replaces, err := custom(k.Stages.Deploy, "SESSION_CONFIGURATION")
	if err != nil || !replaces || m.Text("save") != "" {
		return nil, err
	}
	return finding(110, "The SESSION_CONFIGURATION variable is not configured properly", `At least "save" option must be configured for session configuration.`), nil
}

// splitNames are the databases that used to be split off, by either of their names (spec:
// ece-tools G 24).
func splitNames() []string { return []string{"checkout", "quote", "sales"} }

// splitConfigured reports whether the project asks for split databases.
func splitConfigured(k *kit.Kit) (bool, error) {
	wanted, err := k.Stages.Deploy.Map("SPLIT_DB")
	if err != nil {
		return false, err
	}
	config, err := k.Stages.Deploy.Map("DATABASE_CONFIGURATION")
	if err != nil {
		return false, err
	}
	own := slices.ContainsFunc(splitNames(), func(name string) bool { return config.Sub("connection").Has(name) })
	return wanted.Len() > 0 || own, nil
}

// RemovedSplitDb refuses split databases where Magento has none any more (spec: ece-tools 6.3).
func RemovedSplitDb(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	return splitWithin(k, ">=2.5.0", 136)
}

// DeprecatedSplitDb warns of split databases that are about to go (spec: ece-tools 6.3).
func DeprecatedSplitDb(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	return splitWithin(k, ">=2.4.2 <2.5.0", 2029)
}

func splitWithin(k *kit.Kit, versions string, code int) (*fault.Fault, error) {
	version, err := k.MagentoVersion()
	if err != nil || !version.Satisfies(versions) {
		return nil, err
	}
	split, err := splitConfigured(k)
	if err != nil || !split {
		return nil, err
	}
	return titled(code), nil
}

// DatabaseSplitConnection warns of connections for split databases that the project wrote
// itself (spec: ece-tools 6.3).
func DatabaseSplitConnection(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	config, err := k.Stages.Deploy.Map("DATABASE_CONFIGURATION")
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, kind := range []string{"connection", "slave_connection"} {
		for _, name := range []string{"checkout", "sales"} {
			if config.Sub(kind).Has(name) {
				lines = append(lines, fmt.Sprintf("- %s: %s", kind, name))
			}
		}
	}
	if len(lines) == 0 {
		return nil, nil
	}
	return finding(2002, "Detected split database configuration in the DATABASE_CONFIGURATION property of the file .magento.env.yaml:\n"+
		strings.Join(lines, "\n")+"\nMagento Cloud does not support a custom split database configuration, such configurations will be ignored",
		"Remove these connections, or use SPLIT_DB."), nil
}

// AdminData says what becomes of the variables of the admin user, which only an
// installation reads (spec: ece-tools 6.3). installed is asked only when a variable is set.
func AdminData(installed func(context.Context, *kit.Kit) (bool, error)) Check {
	return func(ctx context.Context, k *kit.Kit) (*fault.Fault, error) {
		if f, err := DatabaseConfiguration(ctx, k); f != nil || err != nil {
			return nil, err
		}
		given := adminData(k)
		if len(given) == 0 {
			return nil, nil
		}
		there, err := installed(ctx, k)
		if err != nil {
			return &fault.Fault{Message: err.Error()}, nil
		}
		list := strings.Join(given, ", ")
		switch {
		case there:
			return finding(2005, "The following admin data is required to create an admin user during initial installation only and is ignored during upgrade process: "+list, ""), nil
		case k.Platform.Variable("ADMIN_EMAIL") == "":
			return finding(2006, "The following admin data was ignored and an admin was not created because admin email is not set: "+list,
				"Create an admin user: sluice environment:ssh -- php bin/magento admin:user:create"), nil
		}
		return nil, nil
	}
}

func adminData(k *kit.Kit) []string {
	var given []string
	for _, pair := range [][2]string{
		{"ADMIN_EMAIL", "admin email"},
		{"ADMIN_USERNAME", "admin login"},
		{"ADMIN_FIRSTNAME", "admin first name"},
		{"ADMIN_LASTNAME", "admin last name"},
		{"ADMIN_PASSWORD", "admin password"},
	} {
		if k.Platform.Variable(pair[0]) != "" {
			given = append(given, pair[1])
		}
	}
	return given
}

// DeployVersion warns of variables that the Magento of the project does not know (spec:
// ece-tools 6.3, AppropriateVersion).
func DeployVersion(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	version, err := k.MagentoVersion()
	if err != nil {
		return nil, err
	}
	given := givenForDeploy(k, true)
	var lines []string
	if !version.AtLeast("2.2.0") {
		for _, name := range []string{"CRON_CONSUMERS_RUNNER", "SCD_STRATEGY", "SCD_MAX_EXECUTION_TIME"} {
			if given(name) {
				lines = append(lines, name+" is available for Magento 2.2.0 and later.")
			}
		}
	}
	if !version.Satisfies("2.1.*") && given("GENERATED_CODE_SYMLINK") {
		lines = append(lines, "GENERATED_CODE_SYMLINK is available for Magento 2.1.x.")
	}
	return incompatible(2012, lines), nil
}

// DeployScdIgnored warns of static content variables of a deployment that makes none (spec:
// ece-tools 6.3, ScdOptionsIgnorance).
func DeployScdIgnored(ctx context.Context, k *kit.Kit) (*fault.Fault, error) {
	why, err := ScdOnDeploy(ctx, k)
	if err != nil || why == nil {
		return nil, err
	}
	given := givenForDeploy(k, false)
	ignored := slices.DeleteFunc(scdVariables(), func(name string) bool { return !given(name) })
	return scdIgnored(2013, why, "deploy", ignored), nil
}

// givenForDeploy says whether somebody set a variable for the deploy stage: in the
// environment, in the stage's part of the file, or, if asked for, in the global one.
func givenForDeploy(k *kit.Kit, global bool) func(name string) bool {
	stage, everywhere := stageFile(k, manifest.StageDeploy), stageFile(k, manifest.StageGlobal)
	return func(name string) bool {
		return k.Platform.Variables.Has(name) || stage.Has(name) || global && everywhere.Has(name)
	}
}
