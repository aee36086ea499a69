package command_test

import (
	"context"
	"encoding/base64"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"sluice/internal/toolkit/command"
)

var update = flag.Bool("update", false, "rewrite the files that scripts compare with")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"ece-tools": func() {
			dir, err := os.Getwd()
			if err != nil {
				panic(err)
			}
			program, err := exec.LookPath("ece-tools")
			if err != nil {
				panic(err)
			}
			//nolint:forbidigo // this is a main function: that of the program in the scripts
			os.Exit(command.Run(context.Background(), command.Process{
				Args: os.Args[1:], Env: os.Environ(), Dir: dir, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Version: "v1.2.3", Program: program, //nolint:forbidigo // as above
			}))
		},
		"php": php,
	})
}

// php is a php whose bin/magento fails with what the file magento.fails names. It is the
// real one for the shim of PHP classes.
func php() {
	if slices.Contains(os.Args, "--") {
		own, _ := exec.LookPath("php")
		for _, dir := range filepath.SplitList(os.Getenv("PATH")) { //nolint:forbidigo // a main function
			if name := filepath.Join(dir, "php"); name != own && syscall.Access(name, 1) == nil {
				_ = syscall.Exec(name, append([]string{name}, os.Args[1:]...), os.Environ()) //nolint:forbidigo // a main function
			}
		}
		panic("php was not found: apt-get install php-cli")
	}
	fails, _ := os.ReadFile("magento.fails")
	if len(os.Args) > 2 && strings.TrimSpace(string(fails)) == os.Args[2] {
		_, _ = fmt.Fprintln(os.Stderr, "In Magento.php line 1: "+os.Args[2]+" broke")
		os.Exit(1) //nolint:forbidigo // a main function
	}
}

// TestScripts runs the command line of testdata/*.txtar.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		UpdateScripts:       *update,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			// encode NAME FILE sets a variable to the base64 of a file, as the platform does.
			"encode": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Setenv(args[0], base64.StdEncoding.EncodeToString([]byte(ts.ReadFile(args[1]))))
			},
			// status CODE PROGRAM ARGS... wants an exit status.
			"status": func(ts *testscript.TestScript, _ bool, args []string) {
				err := ts.Exec(args[1], args[2:]...)
				got := "0"
				if err != nil {
					got = strings.TrimPrefix(err.Error(), "exit status ")
				}
				if got != args[0] {
					ts.Fatalf("%s: status %s, want %s", strings.Join(args[1:], " "), got, args[0])
				}
			},
		},
	})
}
