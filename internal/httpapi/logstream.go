package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sluice/apiv1"
	"sluice/internal/platform"
)

// journalPoll is how soon a journal that does not follow is asked again. With the final
// read it keeps the promise of a seal within one second.
const journalPoll = 250 * time.Millisecond

// logQuery is what a reader asks of a log stream.
type logQuery struct {
	from     int           // first identifier
	maxItems int           // 0: all
	maxDelay time.Duration // how long to wait for a new item; negative: until the seal
}

func readLogQuery(r *http.Request) (logQuery, error) {
	q := logQuery{from: 1, maxDelay: -1}
	from, err := countParameter(r, "start_at", 1, 1<<40)
	if err != nil {
		return q, err
	}
	q.from = max(1, from)
	if q.maxItems, err = countParameter(r, "max_items", 0, 1<<40); err != nil {
		return q, err
	}
	if v := r.FormValue("max_delay"); v != "" && v != "-1" {
		seconds, err := strconv.ParseFloat(v, 64)
		if err != nil || seconds < 0 || seconds > 86400 {
			return q, invalid("max_delay", "max_delay must be a number of seconds, or -1")
		}
		q.maxDelay = time.Duration(seconds * float64(time.Second))
	}
	return q, nil
}

// activityLog streams the log of an activity: a line of JSON per item and a seal, or server-
// sent events when the client asks for those.
func (a *api) activityLog(w http.ResponseWriter, r *http.Request, _ scope, act platform.Activity) error {
	q, err := readLogQuery(r)
	if err != nil {
		return err
	}
	out := newLogWriter(w, r)
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	defer out.done()
	if err := a.streamLog(ctx, out, act.ID, q); err != nil && r.Context().Err() == nil {
		a.cfg.Log.ErrorContext(ctx, "could not send a log stream to its end", "activity", act.ID, "error", err)
		panic(http.ErrAbortHandler) // without a seal: the client asks again
	}
	return nil
}

// streamLog sends what a reader asked for. Reading runs beside sending, so that a silent
// log gets its heartbeats.
func (a *api) streamLog(ctx context.Context, out *logWriter, id string, q logQuery) error {
	read, stop := context.WithCancelCause(ctx)
	items := make(chan apiv1.LogItem)
	failed := make(chan error, 1)
	go func() {
		defer close(items)
		failed <- a.readJournal(read, id, q, items)
	}()
	defer func() {
		stop(nil)
		for range items { // waits for the reader to end
		}
	}()
	if err := out.flush(); err != nil {
		return err
	}
	heartbeat := time.NewTicker(a.cfg.Heartbeat)
	defer heartbeat.Stop()
	for {
		var err error
		select {
		case item, ok := <-items:
			if !ok {
				return <-failed
			}
			err = out.send(item)
		case <-heartbeat.C:
			err = out.heartbeat()
		}
		if err != nil {
			return err
		}
	}
}

// errIdle ends a stream whose reader did not want to wait longer.
var errIdle = errors.New("no new item")

// readJournal sends the entries of a log and, once the activity is final and its last entry
// was sent, the seal.
func (a *api) readJournal(ctx context.Context, id string, q logQuery, items chan<- apiv1.LogItem) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	t := &journalTail{api: a, id: id, next: q.from, left: q.maxItems, items: items, heard: func() {}}
	if q.maxDelay >= 0 {
		wait := max(q.maxDelay, journalPoll) // a journal that follows does not say when it begins to wait
		idle := time.AfterFunc(wait, func() { cancel(errIdle) })
		defer idle.Stop()
		t.heard = func() { idle.Reset(wait) }
	}
	err := t.run(ctx)
	if errors.Is(context.Cause(ctx), errIdle) {
		return nil
	}
	return err
}

// journalTail sends one activity's entries.
type journalTail struct {
	*api
	id    string
	next  int // identifier to go on with
	left  int // items still wanted; counts down from 0 when all are
	items chan<- apiv1.LogItem
	heard func() // called for each item

	enough bool // all that were wanted were sent
}

// errEnded ends the reading of a log whose activity is over.
var errEnded = errors.New("the activity has ended")

// run reads the state before the entries: what was written before the activity ended is
// then certain to be read.
func (t *journalTail) run(ctx context.Context) error {
	for {
		act, err := t.Activities.Activity(ctx, t.id)
		if err != nil {
			return err
		}
		found, err := t.pass(ctx)
		cut := errors.Is(err, errEnded)
		switch {
		case err != nil && !cut, t.enough:
			return err
		case act.State.Final() && (!cut || !found):
			offer(ctx, t.items, apiv1.LogItem{Seal: true})
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(journalPoll):
		}
	}
}

// pass sends the entries that the journal has; found says whether there were any.
func (t *journalTail) pass(ctx context.Context) (found bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go t.endWithActivity(ctx, cancel)
	for entry, err := range t.Journal.Entries(ctx, t.id, t.next) {
		if err != nil {
			return found, err
		}
		if entry.ID < t.next {
			continue
		}
		found = true
		if !offer(ctx, t.items, wireEntry(entry)) {
			return found, context.Cause(ctx)
		}
		t.heard()
		t.next = entry.ID + 1
		if t.left--; t.left == 0 {
			t.enough = true
			return found, nil
		}
	}
	return found, nil
}

// endWithActivity ends a pass some time after the activity has ended. A journal that follows
// does so itself, unless a crash kept the end out of the log.
func (t *journalTail) endWithActivity(ctx context.Context, cancel context.CancelCauseFunc) {
	for final := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(2 * journalPoll):
		}
		if final {
			cancel(errEnded)
			return
		}
		act, err := t.Activities.Activity(ctx, t.id)
		final = err == nil && act.State.Final()
	}
}

func offer(ctx context.Context, items chan<- apiv1.LogItem, item apiv1.LogItem) bool {
	select {
	case items <- item:
		return true
	case <-ctx.Done():
		return false
	}
}

func wireEntry(e platform.LogEntry) apiv1.LogItem {
	return apiv1.LogItem{
		ID: strconv.Itoa(e.ID),
		Data: &apiv1.LogData{
			Timestamp: apiv1.Time{Time: e.Time},
			Message:   strings.TrimSuffix(e.Message, "\n") + "\n",
		},
	}
}

// logWriter frames log items for one client.
type logWriter struct {
	w    http.ResponseWriter
	rc   *http.ResponseController
	sse  bool
	last string // identifier of the last item, which heartbeats repeat
}

func newLogWriter(w http.ResponseWriter, r *http.Request) *logWriter {
	l := &logWriter{w: w, rc: http.NewResponseController(w), last: "0"}
	l.sse = strings.Contains(r.Header.Get("Accept"), "text/event-stream")
	kind := "application/x-ndjson"
	if l.sse {
		kind = "text/event-stream"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("X-Accel-Buffering", "no") // nginx would keep lines back
	return l
}

func (l *logWriter) send(item apiv1.LogItem) error {
	if item.ID != "" {
		l.last = item.ID
	}
	data, err := json.Marshal(item)
	if err != nil {
		return fmt.Errorf("encode log item: %w", err)
	}
	text := string(data) + "\n"
	if l.sse {
		text = "id: " + l.last + "\ndata: " + text + "\n"
	}
	return l.write(text)
}

// heartbeat shows proxies and clients that the stream lives: an item that prints nothing
// and that every client decodes, or a comment.
func (l *logWriter) heartbeat() error {
	if l.sse {
		return l.write(": alive\n\n")
	}
	return l.send(apiv1.LogItem{ID: l.last, Data: &apiv1.LogData{Timestamp: apiv1.Time{Time: time.Now()}}})
}

func (l *logWriter) write(text string) error {
	if _, err := io.WriteString(l.w, text); err != nil { //nolint:gosec // G705: JSON lines, sent with nosniff
		return fmt.Errorf("send log: %w", err)
	}
	return l.flush()
}

// done lets the connection be used again.
func (l *logWriter) done() { _ = l.rc.SetWriteDeadline(time.Time{}) }

func (l *logWriter) flush() error {
	if err := l.rc.Flush(); err != nil {
		return fmt.Errorf("send log: %w", err)
	}
	return nil
}
