package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/journal"
	"sluice/internal/toolkit/kit"
)

// message is a line of the shim, or of a native step that a PHP class runs.
type message struct {
	Log    []any   `json:"log,omitempty"`    // level, message, then code and suggestion when there are
	Failed []any   `json:"failed,omitempty"` // message and code, of a native step
	Result *result `json:"result,omitempty"`
}

// record returns what the line wants in the log.
func (a message) record() (journal.Record, bool) {
	if len(a.Log) < 2 {
		return journal.Record{}, false
	}
	level, err := fault.ParseLevel(fmt.Sprint(a.Log[0]))
	if err != nil {
		level = fault.Info
	}
	r := journal.Record{Level: level, Message: fmt.Sprint(a.Log[1])}
	if len(a.Log) == 4 {
		code, _ := a.Log[2].(float64)
		r.Code, r.HasCode, r.Suggestion = int(code), true, fmt.Sprint(a.Log[3])
	}
	return r, true
}

// Messages is a log handler that writes records as lines of the shim: for native steps that
// a PHP class runs, whose log is that of the class's scenario.
func Messages(w io.Writer) journal.Handler { return messages{w} }

type messages struct{ w io.Writer }

// Handle writes a record.
func (h messages) Handle(r journal.Record) error {
	a := message{Log: []any{r.Level.String(), r.Message}}
	if r.HasCode {
		a.Log = append(a.Log, r.Code, r.Suggestion)
	}
	return a.write(h.w)
}

func (a message) write(w io.Writer) error {
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n", messageMark, text)
	return err
}

// RunNested runs one native step for a PHP class and says on w how it ended.
func RunNested(ctx context.Context, w io.Writer, r *Registry, k *kit.Kit, typ string) error {
	factory, ok := r.Lookup(typ)
	if !ok {
		return fmt.Errorf("Class %q not found", typ)
	}
	made, err := factory(k, nil)
	if err != nil {
		return err
	}
	step, ok := made.(kit.Step)
	if !ok {
		return fmt.Errorf(`%s is not instance of Magento\MagentoCloud\Step\StepInterface`, typ)
	}
	if err := step.Run(ctx); err != nil {
		return message{Failed: []any{err.Error(), fault.CodeOf(err)}}.write(w)
	}
	return nil
}
