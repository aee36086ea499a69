package images_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"sluice/internal/platform"
)

// memoryStore is a Store that keeps what it is given.
type memoryStore struct {
	// importing, when set, is called while an import goes on.
	importing func()
	// registry has what can be pulled.
	registry map[string]string
	created  time.Time // of every image

	mu      sync.Mutex
	digests map[string]string
	configs map[string]platform.ImageConfig
	tars    map[string]string
	broken  error // why the last tar could not be read to its end
}

func (s *memoryStore) Lookup(_ context.Context, ref string) (string, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	digest, ok := s.digests[ref]
	return digest, ok, nil
}

func (s *memoryStore) List(_ context.Context, repository string) ([]platform.StoredImage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []platform.StoredImage
	for ref, digest := range s.digests {
		if strings.HasPrefix(ref, repository+":") {
			out = append(out, platform.StoredImage{ImageRef: platform.ImageRef{Ref: ref, Digest: digest}, Created: s.created})
		}
	}
	return out, nil
}

func (s *memoryStore) Import(_ context.Context, ref string, config platform.ImageConfig, tar io.Reader) (string, error) {
	if s.importing != nil {
		s.importing()
	}
	data, err := io.ReadAll(tar)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.broken = err
		return "", fmt.Errorf("read tar: %w", err)
	}
	if _, ok := s.digests[ref]; ok {
		return "", errors.New(ref + " is made a second time")
	}
	sum := sha256.Sum256(data)
	s.put(ref, "sha256:"+hex.EncodeToString(sum[:]))
	if s.tars == nil {
		s.tars, s.configs = map[string]string{}, map[string]platform.ImageConfig{}
	}
	s.tars[ref], s.configs[ref] = string(data), config
	return s.digests[ref], nil
}

func (s *memoryStore) Pull(_ context.Context, ref string, _ io.Writer) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	digest, ok := s.registry[ref]
	if !ok {
		return "", &platform.Error{ // as the Docker store has it
			Code: platform.CodeUnavailable, Message: "image " + ref + " could not be pulled",
			Err: errors.New("dial tcp: connection refused"),
		}
	}
	s.put(ref, digest)
	return digest, nil
}

func (s *memoryStore) put(ref, digest string) {
	if s.digests == nil {
		s.digests = map[string]string{}
	}
	s.digests[ref] = digest
}
