package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"sluice/internal/edge"
)

// logFile is the access log's file. It is opened again when somebody has renamed it: what
// was written before is in the old one.
type logFile struct {
	path string

	mu sync.Mutex
	f  *os.File
}

func openLog(path string) (*logFile, error) {
	l := &logFile{path: path}
	if err := l.reopen(); err != nil {
		return nil, fmt.Errorf("open access log: %w", err)
	}
	return l, nil
}

// reopen makes what is at the path the file, creating it. When that fails the present file
// stays.
func (l *logFile) reopen() error {
	// Appending lets two processes write during a handover, and others truncate the file.
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640) //nolint:gosec // log readers are in the group
	if err != nil {
		return err
	}
	l.mu.Lock()
	old := l.f
	l.f = f
	l.mu.Unlock()
	if old != nil {
		return old.Close()
	}
	return nil
}

// Write appends to the file.
func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Write(p)
}

// Close closes the file.
func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Close()
}

// withAccessLog puts the access log before next when a path is given. SIGHUP has the file
// opened again; without a log it does nothing.
func (d *daemon) withAccessLog(ctx context.Context, next http.Handler) (http.Handler, func() error, error) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGHUP)
	if d.cfg.accessLog == "" {
		return next, func() error { signal.Stop(asked); return nil }, nil
	}
	file, err := openLog(d.cfg.accessLog)
	if err != nil {
		signal.Stop(asked)
		return nil, nil, err
	}
	log := edge.NewAccessLog(file)
	end := make(chan struct{})
	var idle sync.WaitGroup
	idle.Go(func() {
		for {
			select {
			case <-asked:
				log.Flush()
				if err := file.reopen(); err != nil {
					d.log.ErrorContext(ctx, "could not reopen the access log; continuing with the old file", slog.Any("error", err))
				}
			case <-end:
				return
			}
		}
	})
	return log.Wrap(next), func() error {
		signal.Stop(asked)
		close(end)
		idle.Wait()
		return errors.Join(log.Close(), file.Close())
	}, nil
}
