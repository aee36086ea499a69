package contract

// What happens to an environment that gets its data from another one, in this order, in a
// container of the new environment with its slug, its variables, its mounts and its services,
// and before anything else of it runs: no web server, no cron, no worker, no shell, no
// deploy hook.
//
//  1. SanitizeCommand, for an application of Magento, when the data leaves an environment of
//     type production for one of another type. When the request was to keep personal data, it is
//     SanitizeConfigCommand instead: people stay, but live payment keys, mail and the encryption key of
//     production do not belong in a copy in any case.
//  2. The project's own clone hook (manifest.Application.Clone.Hook), always when there is one.
//
// Caches and queues of the new environment (Redis, RabbitMQ) have to start empty, and search
// indexes are made again by the deploy hook: the toolkit changes databases, env.php and mounts only.
//
// Both end with 0 when all is well. SanitizeCommand ends with SanitizeRefused when it did not change
// anything, as when the project has tables that no rule names: its last lines say which,
// and what to write. After any other status the data is half done: the environment must not
// be opened; the same command finishes the work, or the data is cloned again. When it has
// finished, running it again changes nothing. It prints the progress lines of this package.
const (
	SanitizeCommand       = ToolkitPath + " data:sanitize --no-interaction"
	SanitizeConfigCommand = SanitizeCommand + " --mode keep"
	SanitizeRefused       = 2
	// SanitizeSeedVariable is a secret that makes the fakes of a value the same in every run
	// that has it. Give the same one to every try of an activity: without it, an interrupted run
	// can be finished only as long as the database server was not restarted.
	SanitizeSeedVariable = "SLUICE_SANITIZE_SEED"
	// CloneVariable is in the environment of both: the name of the environment that the data
	// comes from.
	CloneVariable = "SLUICE_CLONE_OF"
	// PersonalDataVariable is in the environment of the clone hook: kept or sanitized.
	PersonalDataVariable = "SLUICE_PERSONAL_DATA"
)

// The values of PersonalDataVariable.
const (
	PersonalDataKept      = "kept"
	PersonalDataSanitized = "sanitized"
)
