package enginetest

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"sluice/internal/engine"
)

var _ engine.ProgramStore = (*Fake)(nil)

// KeepProgram implements engine.ProgramStore.
func (f *Fake) KeepProgram(ctx context.Context, name string, content io.ReadSeeker) (source string, err error) {
	text, err := io.ReadAll(content)
	if err != nil {
		return "", err
	}
	err = f.do(ctx, Call{Method: "KeepProgram"}, f.locked(func(w *world) error {
		if w.programs == nil {
			w.programs = map[string]string{}
		}
		for have, kept := range w.programs {
			if kept == string(text) {
				source = have
				return nil
			}
		}
		w.made++
		source = fmt.Sprintf("/fake/%d/%s", w.made, name)
		w.programs[source] = string(text)
		return nil
	}))
	return source, err
}

// Programs implements engine.ProgramStore.
func (f *Fake) Programs(ctx context.Context) (sources []string, err error) {
	err = f.do(ctx, Call{Method: "Programs"}, f.locked(func(w *world) error {
		sources = slices.Sorted(maps.Keys(w.programs))
		return nil
	}))
	return sources, err
}

// RemoveProgram implements engine.ProgramStore.
func (f *Fake) RemoveProgram(ctx context.Context, source string) error {
	return f.do(ctx, Call{Method: "RemoveProgram"}, f.locked(func(w *world) error {
		delete(w.programs, source)
		return nil
	}))
}
