// Command searchstub answers the part of the OpenSearch API that Magento uses, so that a
// test can install and browse a real shop without a search engine. It filters, sorts and
// aggregates what was indexed, in memory; it has no analyzers, relevance, persistence or
// access control. What it does not understand it refuses with 400 and names on standard
// error, so that nothing is answered wrongly in silence. It is for tests only.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "searchstub:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("searchstub", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:9200", "where to listen")
	verbose := flags.Bool("verbose", false, "name every request on standard error")
	if err := flags.Parse(args); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", *listen)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "searchstub listens on %s\n", listener.Addr())
	log := func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
	handler := &server{store: newStore(), refused: log}
	if *verbose {
		handler.seen = log
	}
	web := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = web.Close() }) // an answer under way is of no use to a test that ends
	if err := web.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
