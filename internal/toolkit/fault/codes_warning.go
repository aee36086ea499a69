package fault

// buildWarningCodes are told in the build phase and do not end it.
func buildWarningCodes() []Entry {
	return []Entry{
		{1001, StageBuild, "validate-config", "File app/etc/config.php does not exist", Warns, "Run `php bin/magento module:enable --all`, add app/etc/config.php to Git, commit and push."},
		{1002, StageBuild, "validate-config", "The ./build_options.ini file is no longer supported", Warns, "Move the options to .magento.env.yaml and remove build_options.ini."},
		{1003, StageBuild, "validate-config", "The modules section is missing from the shared config file", Warns, "Run `php bin/magento module:enable --all`, and commit app/etc/config.php."},
		{1004, StageBuild, "validate-config", "The configuration is not compatible with this version of Magento", Warns, "Remove the variables that the message names, or upgrade."},
		{1005, StageBuild, "validate-config", "SCD options ignored", Warns, "Remove the variables that the message names, or make static content in the build."},
		{1006, StageBuild, "validate-config", "The configured state is not ideal", Warns, "`ece-tools wizard:ideal-state` lists what to change."},
		{1007, StageBuild, "run-baler", "Baler JS bundling can not be used", Warns, "See the listed issues; static content was left without bundles."},
		{1008, StageBuild, "validate-config", "The OPcache configuration does not exclude configuration files", Warns, "Compare php.ini and op-exclude.txt with those of the cloud template."},
	}
}

// deployWarningCodes are told in the deploy phase and do not end it.
func deployWarningCodes() []Entry {
	return []Entry{
		{2001, StageDeploy, "pre-deploy:cache", "Cache is configured for a Redis service that is not available. Configuration will be ignored.", Warns, "Check that the Redis service runs and that the cache configuration points at it."},
		{2002, StageDeploy, "validate-config", "The configured state is not ideal", Warns, "`ece-tools wizard:ideal-state` lists what to change."},
		{2003, StageDeploy, "validate-config", "The directory nesting level value for error reporting has not been configured", Warns, "Set ERROR_REPORT_DIR_NESTING_LEVEL in .magento.env.yaml or MAGE_ERROR_REPORT_DIR_NESTING_LEVEL in the environment."},
		{2004, StageDeploy, "validate-config", "Invalid configuration in the ./pub/errors/local.xml file.", Warns, "Correct config.report.dir_nesting_level in pub/errors/local.xml."},
		{2005, StageDeploy, "validate-config", "Admin data is used to create an admin user during initial installation only. Any changes to Admin data are ignored during the upgrade process.", Warns, "Change the admin user in the admin panel, or remove the ADMIN_ variables."},
		{2006, StageDeploy, "validate-config", "Admin user was not created as admin email was not set", Warns, "Create an admin user with `php bin/magento admin:user:create`."},
		{2007, StageDeploy, "validate-config", "Update php version to recommended version", Warns, "Change the PHP version in .magento.app.yaml to the recommended one."},
		{2008, StageDeploy, "validate-config", "Solr support has been deprecated in Adobe Commerce and Magento Open Source 2.1.", Warns, "Change the search engine to OpenSearch or Elasticsearch."},
		{2009, StageDeploy, "validate-config", "Solr is no longer supported by Adobe Commerce and Magento Open Source 2.2 or later.", Warns, "Change the search engine to OpenSearch or Elasticsearch."},
		{2010, StageDeploy, "validate-config", "Elasticsearch service is installed at infrastructure layer, but it is not used as a search engine.", Warns, "Remove the service and its relationship if the shop does not need it."},
		{2011, StageDeploy, "validate-config", "Elasticsearch service version on infrastructure layer is not compatible with current version of the elasticsearch/elasticsearch module, used by your Adobe Commerce application.", Warns, "Change the version of the service in .magento/services.yaml or of the elasticsearch/elasticsearch package."},
		{2012, StageDeploy, "validate-config", "The current configuration is not compatible with this version of Adobe Commerce", Warns, "Remove the variables that the message names, or upgrade."},
		{2013, StageDeploy, "validate-config", "SCD options ignored because the deploy process did not run on the build phase", Warns, "Remove the variables that the message names, or make static content in the deploy phase."},
		{2014, StageDeploy, "validate-config", "The configuration contains deprecated variables or values", Warns, "Replace what the message names."},
		{2015, StageDeploy, "validate-config", "Environment configuration is not valid", Warns, "Correct the variables that the message names."},
		{2016, StageDeploy, "validate-config", "JSON type configuration can not be decoded", Warns, "Write the variables that the message names as valid JSON."},
		{2017, StageDeploy, "validate-config", "The current configuration is not compatible with this version of Adobe Commerce", Warns, "Change the versions of the services in .magento/services.yaml to those that the message names."},
		{2018, StageDeploy, "validate-config", "Some services have passed EOL", Warns, "Upgrade the services that the message names."},
		{2019, StageDeploy, "validate-config", "The MySQL search configuration option is deprecated", Warns, "Set SEARCH_CONFIGURATION to elasticsearch or opensearch."},
		{2020, StageDeploy, "install-update", "Adobe Commerce installation completed, but the `app/etc/env.php` configuration file was missing or empty.", Warns, "The data was restored from the environment and from .magento.env.yaml. Keep a copy of app/etc/env.php; the mount app/etc may have been lost."},
		{2021, StageDeploy, "install-update:db-connection", "For split databases used custom connections", Warns, "Use the relationships for split databases and remove their connections from DATABASE_CONFIGURATION."},
		{2022, StageDeploy, "install-update:db-connection", "You have changed to a database configuration that is not compatible with the slave connection.", Warns, "Remove MYSQL_USE_SLAVE_CONNECTION or the custom host and dbname."},
		{2023, StageDeploy, "install-update:split-db", "Enabling a split database will be skipped.", Warns, "Add the missing relationships to .magento.app.yaml."},
		{2024, StageDeploy, "install-update:split-db", "The SPLIT_DB variable is missing the configuration for split connection types.", Warns, "Add the missing types to SPLIT_DB: a split cannot be undone by leaving them out."},
		{2025, StageDeploy, "install-update:split-db", "Slave connection not set.", Warns, "Add the relationship of the replica to .magento.app.yaml."},
		{2026, StageDeploy, "pre-deploy:restore-writable-dirs", "Failed to restore some data generated during the build phase to the mounted directories", Warns, "Check the permissions and the free space of the mounted directories."},
		{2027, StageDeploy, "validate-config:mage-mode-variable", "Mode value for MAGE_MODE environment variable not supported", Warns, "Remove MAGE_MODE: the mode is always production."},
		{2028, StageDeploy, "remote-storage", "Remote storage could not be enabled.", Warns, "Check REMOTE_STORAGE in .magento.env.yaml and the access to the bucket."},
		{2029, StageDeploy, "validate-config", "Split Database was deprecated in the Adobe Commerce and Magento Open Source 2.4.2 and will be removed in 2.5.", Warns, "Plan the move back to one database."},
		{2030, StageDeploy, "validate-config", "Elasticsearch and OpenSearch services are both installed at infrastructure layer. Adobe Commerce and Magento Open Source 2.4.4 and later use OpenSearch by default", Warns, "Remove the Elasticsearch service and its relationship."},
		{2031, StageDeploy, "remote-storage", "Remote storage could not be disabled.", Warns, "Check cloud.log; the previous remote storage stays configured."},
	}
}

// postDeployWarningCodes are told in the post-deploy phase and do not end it.
func postDeployWarningCodes() []Entry {
	return []Entry{
		{3001, StagePostDeploy, "validate-config", "Debug logging is enabled in Adobe Commerce", Warns, "Turn debug logging off with `php bin/magento config:set dev/debug/debug_logging 0`."},
		{3002, StagePostDeploy, "warm-up", "Can not fetch store urls", Warns, "Check that bin/magento config:show:store-url works; the module magento/magento-cloud-components must be enabled."},
		{3003, StagePostDeploy, "warm-up", "Can not fetch store url", Warns, "Check that bin/magento config:show:store-url works; the module magento/magento-cloud-components must be enabled."},
		{3004, StagePostDeploy, "backup", "Can not create backup files", Warns, "Check the permissions of app/etc."},
	}
}

// generalWarningCodes are told in any phase and do not end it.
func generalWarningCodes() []Entry {
	return []Entry{
		{4001, StageGeneral, "", "Can not get system processor count:", Warns, "The number of processors could not be read; one thread is used. Set SCD_THREADS."},
	}
}
