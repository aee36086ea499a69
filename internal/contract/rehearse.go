package contract

// What a rehearsal of a deployment runs in web containers beside the hooks.
const (
	// DigestCommand lists the keys of config.php and env.php: a line for each with the file, the
	// path of its keys and a digest of its value, separated by tabs.
	DigestCommand = ToolkitPath + " config:digest"
	// DigestSecretVariable is a secret in its environment. Digests of two runs with the same
	// secret can be compared.
	DigestSecretVariable = "SLUICE_DIGEST_SECRET" //nolint:gosec // its name, not the secret
	// RehearsalVariable is set, to "true", in all containers of a rehearsal, so that a script
	// can leave out what must not be done twice.
	RehearsalVariable = "SLUICE_REHEARSAL"
)
