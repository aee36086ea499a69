package buildstep

// Codes of what can go wrong.
const (
	codeEnvPHP        = 2
	codeConfigPHP     = 7
	codeModules       = 11
	codePatches       = 12
	codeReportDir     = 13
	codeSampleData    = 14
	codeCompile       = 15
	codeAutoload      = 16
	codeBaler         = 17
	codeStatic        = 19
	codeCompress      = 20
	codeBackupStatic  = 21
	codeBackupDirs    = 22
	codeCleanStatic   = 24
	codeEventsMake    = 247
	codeEventsEnable  = 248
	codeWebhookMake   = 249
	codeWebhookEnable = 250
	codeBalerUnusable = 1007
)
