package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// stockClient is the binary of a stock command line client, "" when there is none.
func stockClient() string { return os.Getenv("SLUICE_STOCK_CLIENT") }

// stockConfig leads the stock client $STOCK to the machine, by the file that the server
// publishes.
func (m *machine) stockConfig(env *testscript.Env) error {
	if stockClient() == "" {
		return nil
	}
	status, config := m.get(m.url() + "/cli/config.yaml")
	if status != 200 {
		return fmt.Errorf("the configuration of stock clients: %d %s", status, config)
	}
	token, err := os.ReadFile(filepath.Join(m.data, "keys", "admin.token"))
	if err != nil {
		return err
	}
	file := filepath.Join(m.dir, "stock-"+env.Getenv("PROJECT")+".yaml")
	for name, value := range map[string]string{
		"STOCK": stockClient(), "CLI_CONFIG_FILE": file, "SLUICE_CLI_TOKEN": strings.TrimSpace(string(token)), "SLUICE_CLI_NO_INTERACTION": "1",
		"SLUICE_CLI_HOME": env.WorkDir, "COLUMNS": "300",
	} {
		env.Setenv(name, value)
	}
	return os.WriteFile(file, []byte(config), 0o600)
}
