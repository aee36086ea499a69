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

// environmentVariables refuses the variable of the removed Braintree module in the
// environment.
func environmentVariables(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	version, err := k.MagentoVersion()
	if err != nil || !version.Satisfies(">=2.4.0") {
		return nil, err
	}
	if v, _ := k.Env(braintree); phparray.Truthy(v) {
		return titled(codeBraintreeVariable), nil
	}
	return nil, nil
}

// mageMode warns of a mode that a deployment does not keep.
func mageMode(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	if mode, _ := k.Env("MAGE_MODE"); mode != "" && mode != "production" {
		return titled(codeMageMode), nil
	}
	return nil, nil
}

// databaseConfiguration wants a custom database connection to be whole.
func databaseConfiguration(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	m, err := k.Stages.Deploy.Map("DATABASE_CONFIGURATION")
	if err != nil || m.Len() == 0 {
		return nil, err
	}
	if flag := m.Get("_merge"); phparray.Truthy(flag) {
		return nil, nil
	}
	for _, key := range []string{"host", "dbname", "username", "password"} {
		if v := m.Get("connection", "default", key); v == nil {
			return finding(codeDatabase, "Variable DATABASE_CONFIGURATION is not configured properly",
				"At least host, dbname, username and password options must be configured for the default connection."), nil
		}
	}
	return nil, nil
}

// searchConfiguration wants an engine in a custom search configuration, and not MySQL since
// 2.4.
func searchConfiguration(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
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
		return titled(codeEngineMySQL), nil
	case replaces && engine == "":
		return finding(codeSearch, "Variable SEARCH_CONFIGURATION is not configured properly", "At least engine option must be configured."), nil
	}
	return nil, nil
}

// sessionConfiguration wants a custom session configuration to say where sessions are kept.
func sessionConfiguration(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	m, replaces, err := custom(k.Stages.Deploy, "SESSION_CONFIGURATION")
	if err != nil || !replaces || m.Text("save") != "" {
		return nil, err
	}
	return finding(codeSession, "The SESSION_CONFIGURATION variable is not configured properly", `At least "save" option must be configured for session configuration.`), nil
}

// splitNames are the databases that used to be split off, by either of their names.
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

// removedSplitDb refuses split databases where Magento has none any more.
func removedSplitDb(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	return splitWithin(k, ">=2.5.0", codeSplitRemoved)
}

// deprecatedSplitDb warns of split databases that are about to go.
func deprecatedSplitDb(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	return splitWithin(k, ">=2.4.2 <2.5.0", codeSplitDeprecated)
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

// databaseSplitConnection warns of connections for split databases that the project wrote
// itself.
func databaseSplitConnection(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
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
	return finding(codeSplitConnection, "Detected split database configuration in the DATABASE_CONFIGURATION property of the file .magento.env.yaml:\n"+
		strings.Join(lines, "\n")+"\nMagento Cloud does not support a custom split database configuration, such configurations will be ignored",
		"Remove these connections, or use SPLIT_DB."), nil
}

// unusedAdminData says what becomes of the variables of the admin user, which only an
// installation reads. installed is asked only when a variable is set.
func unusedAdminData(installed func(context.Context, *kit.Kit) (bool, error)) checkFunc {
	return func(ctx context.Context, k *kit.Kit) (*fault.Fault, error) {
		if f, err := databaseConfiguration(ctx, k); f != nil || err != nil {
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
			return finding(codeAdminUnused, "The following admin data is required to create an admin user during initial installation only and is ignored during upgrade process: "+list, ""), nil
		case k.Platform.Variable("ADMIN_EMAIL") == "":
			return finding(codeAdminWithoutEmail, "The following admin data was ignored and an admin was not created because admin email is not set: "+list,
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

// deployVersion warns of variables that the Magento of the project does not know.
func deployVersion(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
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
	return incompatible(codeDeployVersion, lines), nil
}

// deployScdIgnored warns of static content variables of a deployment that makes none.
func deployScdIgnored(ctx context.Context, k *kit.Kit) (*fault.Fault, error) {
	why, err := ScdOnDeploy(ctx, k)
	if err != nil || why == nil {
		return nil, err
	}
	given := givenForDeploy(k, false)
	ignored := slices.DeleteFunc(scdVariables(), func(name string) bool { return !given(name) })
	return scdIgnored(codeDeployScdIgnored, why, "deploy", ignored), nil
}

// givenForDeploy says whether somebody set a variable for the deploy stage: in the
// environment, in the stage's part of the file, or, if asked for, in the global one.
func givenForDeploy(k *kit.Kit, global bool) func(name string) bool {
	stage, everywhere := stageFile(k, manifest.StageDeploy), stageFile(k, manifest.StageGlobal)
	return func(name string) bool {
		return k.Platform.Variables.Has(name) || stage.Has(name) || global && everywhere.Has(name)
	}
}
