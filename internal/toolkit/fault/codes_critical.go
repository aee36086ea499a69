package fault

// buildCodes end the build phase.
func buildCodes() []Entry {
	return []Entry{
		{2, StageBuild, "", "Can not write to the `./app/etc/env.php` file", Fails, "Check the permissions of the file and of its directory, and the free space of the disk."},
		{3, StageBuild, "", "Configuration is not defined in the `schema.yaml` file", Fails, "Check the name of the variable: the one that was asked for does not exist in this stage."},
		{4, StageBuild, "", "Failed to parse the `.magento.env.yaml` file", Fails, "Check the syntax of .magento.env.yaml; `ece-tools cloud:config:validate` names the line."},
		{5, StageBuild, "", "Unable to read the `.magento.env.yaml` file", Fails, "Check that the file can be read by the user that runs the hooks."},
		{6, StageBuild, "", "Unable to read the `.schema.yaml` file", Fails, "Check that the file can be read by the user that runs the hooks."},
		{7, StageBuild, "refresh-modules", "Can not write to the `./app/etc/config.php` file", Fails, "Check the permissions of the file and of its directory, and the free space of the disk."},
		{8, StageBuild, "validate-config", "Can not read the `composer.json` file", Fails, "Check that the file can be read by the user that runs the hooks."},
		{9, StageBuild, "validate-config", "The `composer.json` file is missing required autoload section", Fails, "Add the missing namespace to autoload.psr-4 of composer.json, run `composer update`, and commit composer.json and composer.lock."},
		{10, StageBuild, "validate-config", "The `.magento.env.yaml` file contains an option that is not declared in the schema, or an option configured with an invalid value or stage", Fails, "Correct the variables that the message names in .magento.env.yaml; `ece-tools cloud:config:validate` checks the file without a build."},
		{11, StageBuild, "refresh-modules", "Command failed: `/bin/magento module:enable --all`", Fails, "Check cloud.log for the command's output. Set VERBOSE_COMMANDS to -vvv in .magento.env.yaml to see more of it."},
		{12, StageBuild, "apply-patches", "Failed to apply patch", Fails, "Check cloud.log for the patch that does not apply; remove or renew it in m2-hotfixes or QUALITY_PATCHES."},
		{13, StageBuild, "set-report-dir-nesting-level", "Can not write to the file `/pub/errors/local.xml`", Fails, "Check the permissions of the file and of its directory, and the free space of the disk."},
		{14, StageBuild, "copy-sample-data", "Failed to copy sample data files", Fails, "Check the permissions of pub/media and the free space of the disk."},
		{15, StageBuild, "compile-di", "Command failed: `/bin/magento setup:di:compile`", Fails, "Check cloud.log for the command's output. Set VERBOSE_COMMANDS to -vvv in .magento.env.yaml to see more of it."},
		{16, StageBuild, "dump-autoload", "Command failed: `composer dump-autoload`", Fails, "Check cloud.log for Composer's output and the autoload section of composer.json."},
		{17, StageBuild, "run-baler", "The command to run `Baler` for Javascript bundling failed", Fails, "Check cloud.log for the command's output. Set VERBOSE_COMMANDS to -vvv in .magento.env.yaml to see more of it."},
		{18, StageBuild, "compress-static-content", "Required utility was not found (timeout, bash)", Fails, "Use an image with the named utility."},
		{19, StageBuild, "deploy-static-content", "Command `/bin/magento setup:static-content:deploy` failed", Fails, "Check cloud.log for the command's output. Set VERBOSE_COMMANDS to -vvv in .magento.env.yaml to see more of it."},
		{20, StageBuild, "compress-static-content", "Static content compression failed", Fails, "Check cloud.log for the command's output. Set VERBOSE_COMMANDS to -vvv in .magento.env.yaml to see more of it."},
		{21, StageBuild, "backup-data: static-content", "Failed to copy static content into the `init` directory", Fails, "Check the permissions of pub/static and init, and the free space of the disk."},
		{22, StageBuild, "backup-data: writable-dirs", "Failed to copy some writable directories into the `init` directory", Fails, "Check the permissions of the writable directories and of init, and the free space of the disk."},
		{23, StageBuild, "", "Unable to create a logger object", Fails, "Check the permissions of var/log and the `log` section of .magento.env.yaml."},
		{24, StageBuild, "backup-data: static-content", "Failed to clean the `./init/pub/static/` directory", Fails, "Check the permissions of ./init/pub/static."},
		{25, StageBuild, "", "Can not find the Composer package", Fails, "Check that composer.lock has the package; run `composer update` and commit composer.lock."},
		{26, StageBuild, "validate-config", "Remove Magento Braintree module configuration which is no longer supported in Adobe Commerce and Magento Open Source 2.4 and later versions.", Fails, "Remove the variable CONFIG__STORES__DEFAULT__PAYMENT__BRAINTREE__CHANNEL from .magento.app.yaml."},
	}
}

// deployCodes end the deploy phase; 140 is of a later release (spec: ece-tools H).
func deployCodes() []Entry {
	return []Entry{
		{101, StageDeploy, "pre-deploy: cache", "Incorrect cache configuration (missing port or host)", Fails, "Give the cache a server and a port in CACHE_CONFIGURATION, or remove CACHE_CONFIGURATION to use the relationship."},
		{102, StageDeploy, "", "Can not write to the `./app/etc/env.php` file", Fails, "Check the permissions of the file and of its directory, and the free space of the disk."},
		{103, StageDeploy, "", "Configuration is not defined in the `schema.yaml` file", Fails, "Check the name of the variable: the one that was asked for does not exist in this stage."},
		{104, StageDeploy, "", "Failed to parse the `.magento.env.yaml` file", Fails, "Check the syntax of .magento.env.yaml; `ece-tools cloud:config:validate` names the line."},
		{105, StageDeploy, "", "Unable to read the `.magento.env.yaml` file", Fails, "Check that the file can be read by the user that runs the hooks."},
		{106, StageDeploy, "", "Unable to read the `.schema.yaml` file", Fails, "Check that the file can be read by the user that runs the hooks."},
		{107, StageDeploy, "pre-deploy: clean-redis-cache", "Failed to clean the Redis cache", Fails, "Check that the Redis service runs and that the cache configuration points at it."},
		{108, StageDeploy, "enable-maintenance-mode", "Command `/bin/magento maintenance:enable` failed", Fails, "Check cloud.log for the command's output. Set VERBOSE_COMMANDS to -vvv in .magento.env.yaml to see more of it."},
		{109, StageDeploy, "validate-config", "Incorrect database configuration", Fails, "Correct DATABASE_CONFIGURATION: without `_merge: true` it needs host, dbname, username and password of each connection."},
		{110, StageDeploy, "validate-config", "Incorrect session configuration", Fails, "Correct SESSION_CONFIGURATION: without `_merge: true` it needs at least `save`."},
		{111, StageDeploy, "validate-config", "Incorrect search configuration", Fails, "Correct SEARCH_CONFIGURATION: without `_merge: true` it needs at least `engine`."},
		{112, StageDeploy, "validate-config", "Incorrect resource configuration", Fails, "Correct RESOURCE_CONFIGURATION: each resource needs a `connection`."},
		{113, StageDeploy, "validate-config:elasticsuite-integrity", "ElasticSuite is installed, but the ElasticSearch service is not available", Fails, "Add the Elasticsearch or OpenSearch service to .magento/services.yaml and its relationship to .magento.app.yaml."},
		{114, StageDeploy, "validate-config:elasticsuite-integrity", "ElasticSuite is installed, but another search engine is used", Fails, "Remove the engine from SEARCH_CONFIGURATION or set it to elasticsuite."},
		{115, StageDeploy, "", "Database query execution failed", Fails, "Check cloud.log for the query and the state of the database service."},
		{116, StageDeploy, "install-update: setup", "Command `/bin/magento setup:install` failed", Fails, "Check cloud.log for the command's output. Set VERBOSE_COMMANDS to -vvv in .magento.env.yaml to see more of it."},
		{117, StageDeploy, "install-update: config-import", "Command `app:config:import` failed", Fails, "Check cloud.log for the command's output. Set VERBOSE_COMMANDS to -vvv in .magento.env.yaml to see more of it."},
		{118, StageDeploy, "", "Required utility was not found (timeout, bash)", Fails, "Use an image with the named utility."},
		{119, StageDeploy, "install-update: deploy-static-content", "Command `/bin/magento setup:static-content:deploy` failed", Fails, "Check cloud.log for the command's output. Set VERBOSE_COMMANDS to -vvv in .magento.env.yaml to see more of it."},
		{120, StageDeploy, "compress-static-content", "Static content compression failed", Fails, "Check cloud.log for the command's output. Set VERBOSE_COMMANDS to -vvv in .magento.env.yaml to see more of it."},
		{121, StageDeploy, "deploy-static-content:generate", "Can not update the deployed version", Fails, "Check the permissions of pub/static and that the directory is a mount."},
		{122, StageDeploy, "clean-static-content", "Failed to clean static content files", Fails, "Check the permissions of pub/static."},
		{123, StageDeploy, "install-update: split-db", "Command `/bin/magento setup:db-schema:split` failed", Fails, "Check cloud.log for the command's output. Set VERBOSE_COMMANDS to -vvv in .magento.env.yaml to see more of it."},
		{124, StageDeploy, "clean-view-preprocessed", "Failed to clean the `var/view_preprocessed` folder", Fails, "Check the permissions of var/view_preprocessed."},
		{125, StageDeploy, "install-update: reset-password", "Failed to update the `/var/credentials_email.txt` file", Fails, "Check the permissions of the file and of its directory, and the free space of the disk."},
		{126, StageDeploy, "install-update: update", "Command `/bin/magento setup:upgrade` failed", Fails, "Check cloud.log for the command's output. Set VERBOSE_COMMANDS to -vvv in .magento.env.yaml to see more of it."},
		{127, StageDeploy, "clean-cache", "Command `/bin/magento cache:flush` failed", Fails, "Check cloud.log for the command's output. Set VERBOSE_COMMANDS to -vvv in .magento.env.yaml to see more of it."},
		{128, StageDeploy, "disable-maintenance-mode", "Command `/bin/magento maintenance:disable` failed", Fails, "Check cloud.log for the command's output. Set VERBOSE_COMMANDS to -vvv in .magento.env.yaml to see more of it."},
		{129, StageDeploy, "install-update: reset-password", "Unable to read reset password template", Fails, "Check that the file can be read by the user that runs the hooks."},
		{130, StageDeploy, "install-update: cache_type", "Command failed: `php ./bin/magento cache:enable`", Fails, "Check cloud.log for the command's output. Set VERBOSE_COMMANDS to -vvv in .magento.env.yaml to see more of it."},
		{131, StageDeploy, "install-update", "The `crypt/key`  key value does not exist in the `./app/etc/env.php` file or the `CRYPT_KEY` cloud environment variable", Fails, "Set CRYPT_KEY as a sensitive variable of the environment, with the key that the existing data was encrypted with; or bring back app/etc/env.php. A new key would make the encrypted data unreadable, so none was made."},
		{132, StageDeploy, "", "Can not connect to the Elasticsearch service", Fails, "Check that the Elasticsearch service runs and the relationship is right."},
		{133, StageDeploy, "validate-config", "Remove Magento Braintree module configuration which is no longer supported in Adobe Commerce or Magento Open Source 2.4 and later versions.", Fails, "Remove the variable CONFIG__STORES__DEFAULT__PAYMENT__BRAINTREE__CHANNEL from the environment."},
		{134, StageDeploy, "validate-config", "Adobe Commerce and Magento Open Source 2.4.0 require Elasticsearch service to be installed", Fails, "Add the Elasticsearch service to .magento/services.yaml and its relationship to .magento.app.yaml."},
		{135, StageDeploy, "validate-config", "The search engine must be set to Elasticsearch for Adobe Commerce and Magento Open Source >= 2.4.0", Fails, "Set the engine of SEARCH_CONFIGURATION to elasticsearch or opensearch, or remove the variable."},
		{136, StageDeploy, "validate-config", "Split Database was removed starting from Adobe Commerce and Magento Open Source 2.5.0.", Fails, "Remove SPLIT_DB and move the tables back to the main database before upgrading."},
		{137, StageDeploy, "", "Can not connect to the OpenSearch service", Fails, "Check that the OpenSearch service runs and the relationship is right."},
		{138, StageDeploy, "validate-config", "Adobe Commerce and Magento Open Source 2.4.4 requires OpenSearch or Elasticsearch service to be installed", Fails, "Add the OpenSearch service to .magento/services.yaml and its relationship to .magento.app.yaml."},
		{139, StageDeploy, "validate-config", "Incorrect search engine", Fails, "Set the engine of SEARCH_CONFIGURATION to one that this version supports, or remove the variable."},
		{140, StageDeploy, "pre-deploy: clean-valkey-cache", "Failed to clean the Valkey cache", Fails, "Check that the Valkey service runs and that the cache configuration points at it."},
	}
}

// postDeployCodes end the post-deploy phase.
func postDeployCodes() []Entry {
	return []Entry{
		{201, StagePostDeploy, "is-deploy-failed", "Deploy stage failed", Fails, "Mend what the deploy phase reported and deploy again."},
		{202, StagePostDeploy, "", "The `./app/etc/env.php` file is not writable", Fails, "Check the permissions of the file and of its directory, and the free space of the disk."},
		{203, StagePostDeploy, "", "Configuration is not defined in the `schema.yaml` file", Fails, "Check the name of the variable: the one that was asked for does not exist in this stage."},
		{204, StagePostDeploy, "", "Failed to parse the `.magento.env.yaml` file", Fails, "Check the syntax of .magento.env.yaml; `ece-tools cloud:config:validate` names the line."},
		{205, StagePostDeploy, "", "Unable to read the `.magento.env.yaml` file", Fails, "Check that the file can be read by the user that runs the hooks."},
		{206, StagePostDeploy, "", "Unable to read the `.schema.yaml` file", Fails, "Check that the file can be read by the user that runs the hooks."},
		{207, StagePostDeploy, "warm-up", "Failed to preload some warm-up pages", Fails, "Check WARM_UP_PAGES in .magento.env.yaml and the answers in cloud.log."},
		{208, StagePostDeploy, "time-to-firs-byte", "Failed to test time to first byte (TTFB)", Fails, "Check TTFB_TESTED_PAGES in .magento.env.yaml and the answers in cloud.log."},
		{227, StagePostDeploy, "clean-cache", "Command `/bin/magento cache:flush` failed", Fails, "Check cloud.log for the command's output. Set VERBOSE_COMMANDS to -vvv in .magento.env.yaml to see more of it."},
	}
}

// generalCodes end any phase.
func generalCodes() []Entry {
	return []Entry{
		{243, StageGeneral, "", "Configuration is not defined in the `schema.yaml` file", Fails, "Check the name of the variable: the one that was asked for does not exist in this stage."},
		{244, StageGeneral, "", "Failed to parse the `.magento.env.yaml` file", Fails, "Check the syntax of .magento.env.yaml; `ece-tools cloud:config:validate` names the line."},
		{245, StageGeneral, "", "Unable to read the `.magento.env.yaml` file", Fails, "Check that the file can be read by the user that runs the hooks."},
		{246, StageGeneral, "", "Unable to read the `.schema.yaml` file", Fails, "Check that the file can be read by the user that runs the hooks."},
		{247, StageGeneral, "", "Unable to generate a module for eventing", Fails, "Check cloud.log; the module magento/commerce-eventing must be installed and configured."},
		{248, StageGeneral, "", "Unable to enable a module for eventing", Fails, "Check cloud.log for the command's output; the generated module must be in app/code."},
		{249, StageGeneral, "", "Failed to generate the AdobeCommerceWebhookPlugins module", Fails, "Check cloud.log; the module magento/commerce-webhooks must be installed and configured."},
		{250, StageGeneral, "", "Failed to enable the AdobeCommerceWebhookPlugins module", Fails, "Check cloud.log for the command's output; the generated module must be in app/code."},
	}
}
