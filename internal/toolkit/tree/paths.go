package tree

// Directories, relative to the root.
const (
	Init             = "init"
	Var              = "var"
	LogDir           = "var/log"
	Etc              = "app/etc"
	Media            = "pub/media"
	Static           = "pub/static"
	ViewPreprocessed = "var/view_preprocessed"
	GeneratedCode    = "generated/code"
	GeneratedMeta    = "generated/metadata"
)

// Files, relative to the root.
const (
	EnvPHP            = "app/etc/env.php"
	EnvPHPBackup      = EnvPHP + ".bak" // of the last post-deploy
	ConfigPHP         = "app/etc/config.php"
	EnvYAML           = ".magento.env.yaml"
	AppYAML           = ".magento.app.yaml"
	BuildOptions      = "build_options.ini"
	ErrorReportXML    = "pub/errors/local.xml"
	PHPIni            = "php.ini"
	OpcacheExclude    = "op-exclude.txt"
	CloudLog          = "var/log/cloud.log"
	ErrorLog          = "var/log/cloud.error.log"
	PatchLog          = "var/log/patch.log"
	BuildCloudLog     = "init/var/log/cloud.log"
	BuildErrorLog     = "init/var/log/cloud.error.log"
	BuildPatchLog     = "init/var/log/patch.log"
	InstallUpgradeLog = "var/log/install_upgrade.log"
	TTFBResults       = "var/log/ttfb_results.json"
	AdminMail         = "var/credentials_email.txt"
	DumpLock          = "var/dbdump.lock"
	MaintenanceFlag   = "var/.maintenance.flag"
	ComposerJSON      = "composer.json"
	ComposerLock      = "composer.lock"
)

// MountPoints are the directories that a release has mounts at.
func MountPoints() []string { return []string{Etc, Var, Media, Static} }

// Writable are the directories that the build saves for the mounts, in order.
func Writable() []string { return []string{Etc, Media, LogDir, ViewPreprocessed} }
