//go:build magento

package stepinput_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sluice/internal/stepinput"
)

// change is a kind of edit: it returns another content, or nil where it cannot be made.
type change struct {
	name string
	make func(r *rand.Rand, src string) string
}

var (
	method  = regexp.MustCompile(`\n    (?:final )?(?:public|protected|private) (?:static )?function \w+\([^{;]*\)[^{;]*\{\n`)
	members = regexp.MustCompile(`(?m)^(?:abstract |final )?class \w+[^{]*\{\n`)
)

// in puts a text behind a random match of a pattern.
func in(pattern *regexp.Regexp, text string) func(*rand.Rand, string) string {
	return func(r *rand.Rand, src string) string {
		all := pattern.FindAllStringIndex(src, -1)
		if len(all) == 0 {
			return ""
		}
		at := all[r.IntN(len(all))][1]
		return src[:at] + strings.ReplaceAll(text, "N", strconv.Itoa(r.IntN(1e6))) + src[at:]
	}
}

// replaced replaces a random match of a pattern.
func replaced(pattern, by string) func(*rand.Rand, string) string {
	exp := regexp.MustCompile(pattern)
	return func(r *rand.Rand, src string) string {
		all := exp.FindAllStringIndex(src, -1)
		if len(all) == 0 {
			return ""
		}
		at := all[r.IntN(len(all))]
		return src[:at[0]] + exp.ReplaceAllString(src[at[0]:at[1]], by) + src[at[1]:]
	}
}

func changes() []change {
	return []change{
		{"a statement in a body", in(method, "        $editedN = ['}', \"{$this}\" => static fn () => N];\n")},
		{"a call in a body", in(method, "        if (PHP_INT_MAX === N) { throw new \\LogicException('N'); }\n")},
		{"a heredoc in a body", in(method, "        $editedN = <<<EOT\n        } {$this} ' \" function __construct(\n        EOT;\n")},
		{"a comment in a body", in(method, "        // N } \" '\n        /* class N { */\n")},
		{"a comment among members", in(members, "    /** N { @param \\Some\\TypeFactory $x */\n\n")},
		{"an import", replaced(`\nnamespace [^;]+;\n`, "$0\nuse Magento\\Framework\\Phrase as EditedPhrase;\n")},
		{"the layout of a signature", replaced(`(public|protected) function (\w+)\(`, "$1\n    function $2 (")},
		{"a doc block", replaced(`\n     \* @return [^\n]+`, "\n     * @return mixed edited")},
		{"a private method", in(members, "    private function editedN() { return N; }\n")},
		{"a public method", in(members, "    public function editedN(?int $a = N): ?int { return $a; }\n")},
		{"a private constant", in(members, "    private const EDITED_N = N;\n")},
		{"a property", in(members, "    private $editedN = N;\n")},
		{"an optional parameter", replaced(`(public function (?:get|set|is)\w+)\(\)`, "$1($$edited = null)")},
		{"an attribute", replaced(`\n(    public function [a-z])`, "\n    #[\\Edited]\n$1")},
	}
}

// TestEdits makes random edits (EDITS, 200 unless set; from SEED) to the modules of a Magento in
// TREE, as if they were the project's own. All that the digest of the step compile-di does not see are then in the
// tree at once, and Magento compiles: the result must be that of the tree without them.
// BASE is such a result, when there is one already.
func TestEdits(t *testing.T) {
	tree := t.TempDir()
	run(t, ".", "cp", "-a", "--reflink=auto", os.Getenv("TREE")+"/.", tree)
	if err := os.WriteFile(filepath.Join(tree, "app/etc/env.php"), []byte("<?php return ['MAGE_MODE' => 'production'];\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	base := os.Getenv("BASE")
	if base == "" {
		base = t.TempDir()
		compile(t, tree)
		run(t, ".", "cp", "-a", filepath.Join(tree, "generated/."), base)
	}
	count, err := strconv.Atoi(os.Getenv("EDITS"))
	if err != nil {
		count = 200
	}
	seed, _ := strconv.ParseUint(os.Getenv("SEED"), 10, 64)
	edit(t, rand.New(rand.NewPCG(seed, 0)), tree, count)
	compile(t, tree)
	if different := compare(t, base, filepath.Join(tree, "generated")); len(different) > 0 {
		t.Errorf("%d files differ:\n%s", len(different), strings.Join(different, "\n"))
	}
}

// edit makes edits, at most one in a file, and takes those back that the digest sees.
func edit(t *testing.T, r *rand.Rand, tree string, count int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(tree, "vendor/magento/module-*/*/*.php"))
	more, err2 := filepath.Glob(filepath.Join(tree, "vendor/magento/module-*/*/*/*.php"))
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	files = slices.DeleteFunc(append(files, more...), func(name string) bool { return strings.Contains(name, "/Test/") || strings.Contains(name, "/Setup/") })
	r.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	seen, unseen := map[string]int{}, map[string]int{}
	made := 0
	for _, name := range files {
		if made == count {
			break
		}
		before, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		kind := changes()[r.IntN(len(changes()))]
		after := []byte(kind.make(r, string(before)))
		if len(after) == 0 || bytes.Equal(before, after) || exec.CommandContext(t.Context(), "php", "-r", "exit(@token_get_all($argv[1], TOKEN_PARSE) ? 0 : 1);", string(after)).Run() != nil {
			continue
		}
		made++
		if stepinput.Digest(stepinput.Declarations, before) != stepinput.Digest(stepinput.Declarations, after) {
			seen[kind.name]++
			continue
		}
		unseen[kind.name]++
		if err := os.WriteFile(name, after, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d edits; the digest sees %v; it does not see %v", made, seen, unseen)
}

func compile(t *testing.T, tree string) {
	t.Helper()
	for _, name := range []string{"generated/code", "generated/metadata", "var/cache"} {
		if err := os.RemoveAll(filepath.Join(tree, name)); err != nil {
			t.Fatal(err)
		}
	}
	run(t, tree, "php", "-d", "memory_limit=-1", "bin/magento", "setup:di:compile")
}

func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// compare returns the files in which two directories differ.
func compare(t *testing.T, a, b string) []string {
	t.Helper()
	var different []string
	seen := map[string]bool{}
	for _, dirs := range [][2]string{{a, b}, {b, a}} {
		err := filepath.WalkDir(dirs[0], func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			rel, err := filepath.Rel(dirs[0], name)
			if err != nil || seen[rel] {
				return err
			}
			seen[rel] = true
			one, err := os.ReadFile(name)
			two, err2 := os.ReadFile(filepath.Join(dirs[1], rel))
			if err != nil || err2 != nil || !bytes.Equal(one, two) {
				different = append(different, fmt.Sprint(rel, err, err2))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return different
}
