package validate

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"sluice/internal/manifest"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/tree"
)

// braintree is a variable of a payment module that was removed in 2.4.
const braintree = "CONFIG__STORES__DEFAULT__PAYMENT__BRAINTREE__CHANNEL"

// composerFile checks that composer.json maps the namespace of the MVC controllers, which
// Magento 2.3.0 to 2.4.2 need.
func composerFile(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	version, err := k.MagentoVersion()
	if err != nil {
		return finding(codePackageMissing, "Can't get magento version: "+err.Error(), ""), nil
	}
	if !version.AtLeast("2.3.0") || version.AtLeast("2.4.3") {
		return nil, nil
	}
	var file struct {
		Autoload struct {
			PSR4 map[string]json.RawMessage `json:"psr-4"`
		} `json:"autoload"`
	}
	text, err := k.Tree.Read(tree.ComposerJSON)
	if err == nil {
		err = json.Unmarshal(text, &file)
	}
	if err != nil {
		return finding(codeComposerFile, "Can't read composer.json file: "+err.Error(), ""), nil
	}
	for _, namespace := range []string{`Laminas\Mvc\Controller\`, `Zend\Mvc\Controller\`} {
		if _, ok := file.Autoload.PSR4[namespace]; ok {
			return nil, nil
		}
	}
	lock, err := k.Tree.Lock()
	if err != nil {
		return nil, err
	}
	for _, pair := range [][2]string{{"laminas/laminas-mvc", `Laminas\\Mvc\\Controller\\`}, {"zendframework/zend-mvc", `Zend\\Mvc\\Controller\\`}} {
		if lock.Has(pair[0]) {
			return finding(codeAutoload, "Required configuration is missed in autoload section of composer.json file.", fmt.Sprintf(
				"Add \"%s\": \"setup/src/Zend/Mvc/Controller/\" to autoload.psr-4 of composer.json,\nrun \"composer update\", and commit composer.json and composer.lock.", pair[1])), nil
		}
	}
	return nil, nil
}

// magentoAppYaml refuses the variable of the removed Braintree module in the application
// file.
func magentoAppYaml(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	version, err := k.MagentoVersion()
	if err != nil || !version.Satisfies(">=2.4.0") {
		return nil, err
	}
	if k.Platform.Application.Sub("variables", "env").Has(braintree) {
		return titled(codeBraintreeApplication), nil
	}
	return nil, nil
}

// configFileExists warns of a project without app/etc/config.php.
func configFileExists(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	if k.Tree.Exists(tree.ConfigPHP) {
		return nil, nil
	}
	return finding(codeNoConfigFile, "File app/etc/config.php does not exist", strings.Join([]string{
		"Please run the following commands:",
		"1. bin/magento module:enable --all",
		"2. git add -f app/etc/config.php",
		"3. git commit -m 'Adding config.php'",
		"4. git push",
	}, "\n")), nil
}

// modulesExists warns of a config.php without modules.
func modulesExists(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	config, err := configPHP(k)
	if err != nil || config.Has("modules") {
		return nil, err
	}
	return finding(codeNoModules, "The modules section is missing from the shared config file.", ""), nil
}

// unsupportedBuildOptionsIni warns of a file of former releases.
func unsupportedBuildOptionsIni(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	if !k.Tree.Exists(tree.BuildOptions) {
		return nil, nil
	}
	return finding(codeBuildOptions, "The build_options.ini file is no longer supported.",
		"Move its options to the build stage of .magento.env.yaml and remove the file."), nil
}

// buildVersion warns of variables that the Magento of the project does not know.
func buildVersion(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	version, err := k.MagentoVersion()
	if err != nil || version.AtLeast("2.2.0") {
		return nil, err
	}
	var lines []string
	for _, name := range []string{"SCD_STRATEGY", "SCD_MAX_EXECUTION_TIME"} {
		v, err := k.Stages.Build.Value(name)
		if err != nil {
			return nil, err
		}
		if phparray.Truthy(v) {
			lines = append(lines, name+" is available for Magento 2.2.0 and later.")
		}
	}
	return incompatible(codeBuildVersion, lines), nil
}

func incompatible(code int, lines []string) *fault.Fault {
	if len(lines) == 0 {
		return nil
	}
	return finding(code, "The current configuration is not compatible with this version of Magento", strings.Join(lines, "\n"))
}

// scdVariables are those that mean nothing where no static content is made.
func scdVariables() []string { return []string{"SCD_STRATEGY", "SCD_THREADS"} }

// buildScdIgnored warns of static content variables of a build that makes none.
func buildScdIgnored(ctx context.Context, k *kit.Kit) (*fault.Fault, error) {
	why, err := scdOnBuild(ctx, k)
	if err != nil || why == nil {
		return nil, err
	}
	given := stageFile(k, manifest.StageBuild)
	ignored := slices.DeleteFunc(scdVariables(), func(name string) bool { return !given.Has(name) })
	return scdIgnored(codeBuildScdIgnored, why, "build", ignored), nil
}

func scdIgnored(code int, why *fault.Fault, phase string, ignored []string) *fault.Fault {
	if len(ignored) == 0 {
		return nil
	}
	return finding(code, fmt.Sprintf("When %s, static content deployment does not run during the %s phase and the following variables are ignored: %s",
		why.Message, phase, strings.Join(ignored, ", ")), "")
}
