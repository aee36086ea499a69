package deploystep

// Codes of what can go wrong, from the table of the package fault.
const (
	codeEnvPHP         = 102
	codeRedis          = 107
	codeMaintenance    = 108
	codeInstall        = 116
	codeConfigImport   = 117
	codeStatic         = 119
	codeCompress       = 120
	codeVersionFile    = 121
	codeCleanStatic    = 122
	codeSplit          = 123
	codeCleanViews     = 124
	codeAdminMail      = 125
	codeUpgrade        = 126
	codeFlush          = 127
	codeMaintenanceOff = 128
	codeCryptKey       = 131
	codeValkey         = 140
	codeFlushAfter     = 227

	codeEnvAbsent   = 2020
	codeSplitNoLink = 2023
	codeSplitGone   = 2024
	codeSplitSlave  = 2025
	codeRestore     = 2026
)
