package tree_test

import (
	"os"
	"path/filepath"
	"testing"

	"sluice/internal/toolkit/tree"
)

// TestLockIsReadAgainWhenItChanges makes sure that what is remembered is never stale.
func TestLockIsReadAgainWhenItChanges(t *testing.T) {
	dir := t.TempDir()
	root, err := tree.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	version := func() string {
		lock, err := root.Lock()
		if err != nil {
			t.Fatal(err)
		}
		p, _ := lock.Find("magento/magento2-base")
		return p.Version
	}
	name := filepath.Join(dir, "composer.lock")
	write := func(text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := version(); got != "" {
		t.Errorf("no file: %s", got)
	}
	write(`{"packages": [{"name": "magento/magento2-base", "version": "2.4.6"}]}`)
	first, err := root.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := root.Lock(); err != nil || again != first {
		t.Errorf("it was read twice: %v", err)
	}
	write(`{"packages": [{"name": "magento/magento2-base", "version": "2.4.7-p3"}]}`)
	if got := version(); got != "2.4.7-p3" {
		t.Errorf("after a change: %s", got)
	}
	write(`{`)
	if _, err := root.Lock(); err == nil {
		t.Error("no error for a broken file")
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if got := version(); got != "" {
		t.Errorf("after it is gone: %s", got)
	}
}
