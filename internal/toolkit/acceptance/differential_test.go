//go:build differential

package acceptance

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sluice/internal/toolkit/journal"
	"sluice/internal/toolkit/phparray"
)

// The variable names the directory of an installed magento/ece-tools, whose autoloader works;
// the others say how many environments are tried, and the number of the first one.
const (
	originalVariable = "ECE_TOOLS"
	countVariable    = "ECE_TOOLS_RUNS"
	firstVariable    = "ECE_TOOLS_FIRST"
)

// TestAgainstTheOriginal runs the same scenario by the original, in PHP, and by this program in
// copies of generated environments, and wants the same env.php after evaluation, the same calls
// of bin/magento, the same warnings with a code and the same end. What differs with intent is
// taken out by departures; docs/toolkit.md lists it.
func TestAgainstTheOriginal(t *testing.T) {
	original := os.Getenv(originalVariable)
	if original == "" {
		t.Fatalf("set %s to the directory of an installed magento/ece-tools 2002.1.17", originalVariable)
	}
	runs, first := number(t, countVariable, 200), number(t, firstVariable, 0)
	server := listen(t)
	for seed := first; seed < first+runs; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			e := generate(rand.New(rand.NewPCG(uint64(seed), 7)), server) //nolint:gosec // the same environments each time
			theirs, ours := e.place(t).byOriginal(t, original), e.place(t).byToolkit(t)
			e.departures(theirs, ours)
			theirs.show()
			ours.show()
			if diff := cmp.Diff(theirs, ours, cmpopts.IgnoreUnexported(outcome{})); diff != "" {
				t.Errorf("%s\n-original +toolkit:\n%s\noriginal:\n%s\ntoolkit:\n%s", e, diff, theirs.output, ours.output)
			}
		})
	}
}

// number is that of a variable, else the usual one.
func number(t *testing.T, variable string, usual int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

// listen is a server that accepts connections, as Redis would.
func listen(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // it listens on TCP
}

// environment is what one run is given.
type environment struct {
	lock      map[string]string // packages
	relations map[string]any
	variables map[string]any // of the environment
	stages    map[string]any // .magento.env.yaml; JSON is YAML
	env       string         // app/etc/env.php; "": missing
	backup    string
	locks     string // MAGENTO_CLOUD_LOCKS_DIR
}

func (e *environment) String() string {
	text, _ := json.MarshalIndent(map[string]any{"lock": e.lock, "relationships": e.relations, "variables": e.variables, "stages": e.stages, "env.php": e.env, "env.php.bak": e.backup, "locks": e.locks}, "", " ")
	return string(text)
}

// outcome is what is compared.
type outcome struct {
	Env    string   // evaluated, keys in order
	Calls  []string // of bin/magento
	Codes  []int    // in cloud.error.log
	Failed bool
	output string
	env    *phparray.Array
}

// show fills in Env.
func (o *outcome) show() { o.Env = string(phparray.Export(sorted(o.env))) }

// differentialScenario has every step that writes env.php or asks bin/magento and needs no database.
const differentialScenario = `<?xml version="1.0"?>
<scenario xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
%s</scenario>
`

func differentialSteps() []string {
	const update = `Deploy\InstallUpdate\ConfigUpdate\`
	return []string{
		`Deploy\PreDeploy\CheckState`, `SetProductionMode`, `Deploy\PreDeploy\ConfigUpdate\Cache`, `Deploy\SetCryptKey`,
		`Deploy\InstallUpdate\Install\CleanupDbConfig`, update + `PrepareConfig`, update + `CronConsumersRunner`, update + `DbConnection`, update + `Amqp`, update + `Session`,
		update + `SearchEngine`, update + `DocumentRoot`, update + `Lock`, `Deploy\RemoteStorage`, `Deploy\InstallUpdate\Install\ConfigImport`,
		`Deploy\InstallUpdate\Update\SetAdminUrl`, `PostDeploy\EnableCron`, `PostDeploy\Backup`,
	}
}

// place makes a copy of the environment.
func (e *environment) place(t *testing.T) *placed {
	t.Helper()
	dir := t.TempDir()
	var packages []map[string]any
	for name, version := range e.lock {
		packages = append(packages, map[string]any{"name": name, "version": version})
	}
	var steps strings.Builder
	for i, class := range differentialSteps() {
		fmt.Fprintf(&steps, "<step name=\"s%d\" type=\"Magento\\MagentoCloud\\Step\\%s\" priority=\"%d\"/>\n", i, class, i+1)
	}
	lock, _ := json.Marshal(map[string]any{"packages": packages})
	stages, _ := json.Marshal(map[string]any{"stage": e.stages})
	for name, content := range map[string]string{
		"composer.lock": string(lock), "composer.json": `{"name": "acme/shop", "version": "` + e.lock["magento/magento2-base"] + `"}`,
		".magento.env.yaml": string(stages), "own.xml": fmt.Sprintf(differentialScenario, steps.String()), "bin/magento": "<?php\n",
		"magento.calls": "", "app/etc/env.php": e.env, "app/etc/env.php.bak": e.backup, "var/log/.keep": "", "app/etc/config.php": "<?php return ['modules' => ['Magento_Store' => 1]];\n",
	} {
		if content == "" && strings.HasPrefix(name, "app/etc/env.php") {
			continue
		}
		write(filepath.Join(dir, name), content)
	}
	encode := func(v any) string { text, _ := json.Marshal(v); return base64.StdEncoding.EncodeToString(text) }
	env := map[string]string{
		"PATH": os.Getenv("PATH"), "HOME": dir, "GORACE": "atexit_sleep_ms=0", "MAGENTO_ROOT": dir, "MAGENTO_CLOUD_ENVIRONMENT": "develop",
		"MAGENTO_CLOUD_RELATIONSHIPS": encode(e.relations), "MAGENTO_CLOUD_VARIABLES": encode(e.variables), "MAGENTO_CLOUD_ROUTES": encode(map[string]any{}),
		"MAGENTO_CLOUD_APPLICATION": encode(map[string]any{"hooks": map[string]any{}}),
	}
	if e.locks != "" {
		env["MAGENTO_CLOUD_LOCKS_DIR"] = e.locks
	}
	return &placed{dir, env}
}

type placed struct {
	dir string
	env map[string]string
}

func (p *placed) byToolkit(t *testing.T) *outcome {
	t.Helper()
	var out bytes.Buffer
	status := (&process{dir: p.dir, env: p.env, db: newDatabases(t, p.dir)}).run(&out, &out, []string{"run", "own.xml"})
	return p.outcome(t, status != 0, out.String())
}

func (p *placed) byOriginal(t *testing.T, original string) *outcome {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/usr/bin/php", "-d", "variables_order=EGPCS", filepath.Join(original, "bin/ece-tools"), "run", "own.xml") //nolint:gosec // named by the person who runs the test
	cmd.Dir = p.dir
	for name, v := range p.env {
		cmd.Env = append(cmd.Env, name+"="+v)
	}
	out, err := cmd.CombinedOutput()
	return p.outcome(t, err != nil, string(out))
}

func (p *placed) outcome(t *testing.T, failed bool, output string) *outcome {
	t.Helper()
	o := &outcome{Failed: failed, output: output, env: phparray.New()}
	text, err := os.ReadFile(filepath.Join(p.dir, "app/etc/env.php"))
	if err == nil {
		if o.env, err = phparray.Parse("env.php", text); err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
	}
	calls, _ := os.ReadFile(filepath.Join(p.dir, "magento.calls")) // made by place
	o.Calls = strings.Split(strings.TrimSpace(string(calls)), "\n")
	log, _ := os.ReadFile(filepath.Join(p.dir, "var/log/cloud.error.log")) // missing when there is no error
	for _, entry := range journal.ParseErrorLog(log) {
		o.Codes = append(o.Codes, entry.ErrorCode)
	}
	slices.Sort(o.Codes)
	return o
}

// sorted is an array with its keys in order at every depth.
func sorted(a *phparray.Array) *phparray.Array {
	out := phparray.New()
	keys := a.Keys()
	slices.Sort(keys)
	for _, key := range keys {
		v := a.Get(key)
		if below, ok := v.(*phparray.Array); ok {
			v = sorted(below)
		}
		out.Set(key, v)
	}
	return out
}

// departures takes out of both outcomes what is meant to differ. Each has a row in docs/toolkit.md.
func (e *environment) departures(theirs, ours *outcome) {
	const suite = "smile_elasticsuite_core_base_settings"
	// Empty sections of ElasticSuite and of replicas are not written.
	if theirs.env.Has("db", "slave_connection") && theirs.env.Sub("db", "slave_connection").Len() == 0 {
		theirs.env.Unset("db", "slave_connection")
	}
	if theirs.env.Sub("system", "default", suite).Len() == 0 {
		theirs.env.Unset("system", "default", suite)
	}
	// A db section without any connection is not written over what is there.
	if theirs.env.Has("db", "connection") && theirs.env.Sub("db", "connection").Len() == 0 && e.relations["database"] == nil {
		for _, key := range []string{"db", "resource"} {
			theirs.env.Unset(key)
			if section := ours.env.Get(key); section != nil {
				theirs.env.Set(key, section)
			}
		}
	}
	// ElasticSuite gets OpenSearch, TLS and passwords.
	if _, open := e.relations["opensearch"]; open || ours.env.Has("system", "default", suite, "es_client", "enable_https_mode") || ours.env.Has("system", "default", suite, "es_client", "enable_http_auth") {
		if section := ours.env.Get("system", "default", suite); section != nil {
			theirs.env.SetAt(section, "system", "default", suite)
		}
	}
	// A relationship with an empty virtual host means the default one.
	if theirs.env.Has("queue", "amqp", "virtualhost") && theirs.env.Text("queue", "amqp", "virtualhost") == "" {
		theirs.env.SetAt("/", "queue", "amqp", "virtualhost")
	}
	// The copy of the last post-deploy: all of it when env.php is lost, else the key that is missing.
	if e.backup == "" {
		return
	}
	saved, err := phparray.Parse("env.php.bak", []byte(e.backup))
	if err != nil {
		panic(err)
	}
	if e.lost() {
		rest := saved.Clone()
		rest.Unset("crypt")
		theirs.env = phparray.Replace(rest, theirs.env)
	}
	if key := saved.Text("crypt", "key"); theirs.env.Text("crypt", "key") == "" && ours.env.Text("crypt", "key") == key {
		theirs.env.SetAt(key, "crypt", "key")
	}
}

// lost reports whether env.php has nothing of an installation in it.
func (e *environment) lost() bool { return !strings.Contains(e.env, "'crypt'") }
