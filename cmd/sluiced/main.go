// Command sluiced is the control plane of Sluice: Git endpoint, activities and their
// queue, the pipeline, and the HTTP API. It is the only composition root of the pipeline:
// here, and nowhere else, adapters meet the core.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"sluice/internal/engine/docker"
	"sluice/internal/gitserve"
	"sluice/internal/platform"
)

func main() {
	syscall.Umask(0o022) // checkouts and volumes are read by other users than this one
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args, os.Environ(), os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func environment(environ []string) map[string]string {
	out := map[string]string{}
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		out[name] = value
	}
	return out
}

const usage = `sluiced, the control plane of Sluice

  sluiced serve            run it (see sluiced serve -h for its settings)
  sluiced doctor           check this machine, and say what to do
  sluiced images [NAME...] assemble or pull images of the catalog; --list shows them
  sluiced down             stop and remove the containers and networks of this data directory
  sluiced pool:create      make copies of data share blocks, which takes no time; --move takes data along
  sluiced pool:mount       mount that pool, before the container engine starts
  sluiced pool:grow        make it larger
  sluiced authority        print the local authority's certificate, for trust stores
  sluiced token NAME       print a new API token of a machine; --list and --revoke manage tokens
  sluiced user EMAIL       make an administrator and print a password; --list and --delete manage users
  sluiced version          print the version

Every setting can also be given as a variable: --data-dir as SLUICED_DATA_DIR.
`

// run is the whole program. It returns the exit status: 0, 1 for a failure, 2 for a
// mistake in the command line.
func run(ctx context.Context, args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) < 2 {
		_, _ = io.WriteString(stderr, usage)
		return 2
	}
	env := environment(environ)
	var err error
	switch rest := args[2:]; args[1] {
	case "hook":
		return gitserve.RunHook(ctx, rest, environ, stdin, stderr) // Git calls this
	case "thaw": // the engine's watchdog
		err = docker.Watch(stdin, strings.Join(rest, " "))
	case "serve":
		err = serve(ctx, rest, env, stderr)
	case "doctor":
		err = doctorCommand(ctx, rest, env, stdout, stderr)
	case "images":
		err = imagesCommand(ctx, rest, env, stdout, stderr)
	case "down":
		err = down(ctx, rest, env, stderr)
	case "pool:create":
		err = poolCreate(ctx, rest, env, stderr)
	case "pool:mount":
		err = poolMount(ctx, rest, env, stderr)
	case "pool:grow":
		err = poolGrow(ctx, rest, env, stderr)
	case "authority":
		err = authorityCommand(ctx, rest, env, stdout, stderr)
	case "token":
		err = tokenCommand(ctx, rest, env, stdout, stderr)
	case "user":
		err = userCommand(ctx, rest, env, stdin, stdout, stderr)
	case "version", "--version":
		_, err = fmt.Fprintln(stdout, "sluiced", version())
	case "help", "-h", "--help":
		_, err = io.WriteString(stdout, usage)
	default:
		_, _ = fmt.Fprintf(stderr, "sluiced: unknown command %q\n\n%s", args[1], usage)
		return 2
	}
	return exitCode(err, stderr)
}

func exitCode(err error, stderr io.Writer) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		_, _ = fmt.Fprintf(stderr, "sluiced: %v\n", err)
		return 2
	}
	_, _ = fmt.Fprintf(stderr, "sluiced: %v\n", err)
	if hint := platform.ErrorHint(err); hint != "" {
		_, _ = fmt.Fprintf(stderr, "   Next: %s\n", hint)
	}
	return 1
}
