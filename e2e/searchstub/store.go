package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
)

var errMissing = errors.New("no such index")

// store keeps the indices. Safe for concurrent use.
type store struct {
	mu      sync.Mutex
	indices map[string]*index
	names   map[string][]string // alias to indices
}

type index struct {
	mapping object
	docs    map[string]object
}

// document is one that was indexed; its fields are never changed.
type document struct {
	id     string
	fields object
}

func newStore() *store {
	return &store{indices: map[string]*index{}, names: map[string][]string{}}
}

func (s *store) create(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made(name)
}

// made returns an index, which comes into being when it is first written to.
func (s *store) made(name string) *index {
	if targets := s.names[name]; len(targets) > 0 {
		name = targets[0]
	}
	if s.indices[name] == nil {
		s.indices[name] = &index{mapping: object{"properties": object{}}, docs: map[string]object{}}
	}
	return s.indices[name]
}

func (s *store) remove(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.indices[name] == nil {
		return fmt.Errorf("%s: %w", name, errMissing)
	}
	delete(s.indices, name)
	for alias, targets := range s.names {
		s.names[alias] = slices.DeleteFunc(targets, func(t string) bool { return t == name })
	}
	return nil
}

func (s *store) put(name, id string, doc object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if doc == nil {
		delete(s.made(name).docs, id)
		return
	}
	s.made(name).docs[id] = doc
}

func (s *store) alias(alias, name string, add bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names[alias] = slices.DeleteFunc(s.names[alias], func(t string) bool { return t == name })
	if add {
		s.names[alias] = append(s.names[alias], name)
	}
}

// aliases returns the aliases that have an index.
func (s *store) aliases() map[string][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := maps.Clone(s.names)
	maps.DeleteFunc(all, func(_ string, targets []string) bool { return len(targets) == 0 })
	return all
}

func (s *store) mapping(name string) (object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.find(name)
	if err != nil {
		return nil, err
	}
	return found[0].mapping, nil
}

// setMapping adds properties; Magento sends them with or without the name of a type.
func (s *store) setMapping(name string, mapping object) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if typed, ok := mapping["document"].(object); ok {
		mapping = typed
	}
	properties, ok := mapping["properties"].(object)
	if !ok {
		return fmt.Errorf("mapping of %s without properties", name)
	}
	merged, ok := s.made(name).mapping["properties"].(object)
	if !ok {
		return fmt.Errorf("mapping of %s is damaged", name)
	}
	maps.Copy(merged, properties)
	return nil
}

// documents returns what an index or alias holds, by ascending id.
func (s *store) documents(name string) ([]document, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.find(name)
	if err != nil {
		return nil, err
	}
	var docs []document
	for _, index := range found {
		for id, fields := range index.docs {
			docs = append(docs, document{id: id, fields: fields})
		}
	}
	slices.SortFunc(docs, func(a, b document) int { return compare(a.id, b.id) })
	return docs, nil
}

func (s *store) find(name string) ([]*index, error) {
	var found []*index
	for _, target := range append(slices.Clone(s.names[name]), name) {
		if i := s.indices[target]; i != nil {
			found = append(found, i)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s: %w", name, errMissing)
	}
	return found, nil
}

// number returns the number that a value is or spells.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case string:
		n, err := strconv.ParseFloat(v, 64)
		return n, err == nil
	}
	return 0, false
}

// values returns a field as a list; a field that is not there has none.
func values(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}
