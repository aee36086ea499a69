package phparray_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"sluice/internal/toolkit/phparray"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden parses in.php of every archive and compares what is written in both styles.
// What is written must read back as the same, and PHP must agree with what was read.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			in := archive.Files[0]
			a, err := phparray.Parse(in.Name, in.Data)
			if err != nil {
				t.Fatal(err)
			}
			got := txtar.Archive{Comment: archive.Comment, Files: []txtar.File{in}}
			long, short := phparray.Export(a), phparray.ExportShort(a)
			if !bytes.Equal(bytes.TrimSpace(in.Data), long) {
				got.Files = append(got.Files, txtar.File{Name: "long.php", Data: append(bytes.Clone(long), '\n')})
			}
			got.Files = append(got.Files, txtar.File{Name: "short.php", Data: short})
			if *update {
				if err := os.WriteFile(path, txtar.Format(&got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(txtar.Format(archive)), string(txtar.Format(&got))); diff != "" && !*update {
				t.Errorf("-want +got:\n%s", diff)
			}
			readsBack(t, a, long)
			readsBack(t, a, short)
			agreesWithPHP(t, in.Data, long)
			agreesWithPHP(t, short, long)
		})
	}
}

func readsBack(t *testing.T, a *phparray.Array, src []byte) {
	t.Helper()
	again, err := phparray.Parse("again.php", src)
	if err != nil {
		t.Fatalf("%v in\n%s", err, src)
	}
	if diff := cmp.Diff(string(phparray.Export(a)), string(phparray.Export(again))); diff != "" {
		t.Errorf("it does not read back (-first +second):\n%s", diff)
	}
}

// agreesWithPHP lets PHP evaluate a file and compares with the long style. Only a short run,
// which must need no set-up, goes without PHP.
func agreesWithPHP(t *testing.T, src, long []byte) {
	t.Helper()
	if _, err := exec.LookPath("php"); err != nil && testing.Short() {
		return
	}
	path := filepath.Join(t.TempDir(), "in.php")
	if err := os.WriteFile(path, src, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "php", "-n", "-d", "error_reporting=0", "-r", "var_export(include $argv[1]);", path)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("php (scripts/setup.sh installs it): %v: %s", err, out)
	}
	want := "<?php\nreturn " + string(out) + ";"
	if diff := cmp.Diff(want, string(long)); diff != "" {
		t.Errorf("PHP reads it differently (-php +here):\n%s", diff)
	}
}

func TestRefused(t *testing.T) {
	for src, want := range map[string]string{
		"return [];":                                "f.php:1:1: the file does not begin with <?php",
		"<?php\n$a = [];\nreturn $a;":               "f.php:2:1: the file does more than return an array; keep only \"return [...];\"",
		"<?php\nreturn [\n  'a' => getenv('A'),":    "f.php:3:10: the call of getenv() cannot be read; write the value that it returns",
		"<?php return ['a' => $x];":                 "f.php:1:22: the variable $x cannot be read; write the value itself",
		"<?php return [\"a\" => \"b $x\"];":         "f.php:1:25: a variable in a text cannot be read; write the value itself, in single quotes",
		"<?php return ['ä' => X];":                  "f.php:1:22: the constant X is not known here; write its value",
		"<?php return ['a' => A\\B::C];":            "f.php:1:22: the constant A\\B::C is not known here; write its value",
		"<?php return ['a' => A::b()];":             "f.php:1:22: the call of A::b() cannot be read; write the value that it returns",
		"<?php return ['a' => new X];":              "f.php:1:22: the constant new is not known here; write its value",
		"<?php return ['a' 'b'];":                   "f.php:1:19: a text is where \",\" or \"]\" is needed",
		"<?php return ['a' => 1":                    "f.php:1:23: the file ends where \",\" or \"]\" is needed",
		"<?php return ['a' => 'b];":                 "f.php:1:22: the text has no end; close it with '",
		"<?php return [...[1]];":                    "f.php:1:15: \"...\" cannot be read; write the elements themselves",
		"<?php return [<<<A\nx\nA];":                "f.php:1:15: a heredoc cannot be read; write the text in single quotes",
		"<?php return ['a' => 1 ? 2 : 3];":          "f.php:1:24: \"?\" is where \",\" or \"]\" is needed",
		"<?php return 5;":                           "f.php:1:7: the file does not return an array",
		"<?php return ['a' => (object) []];":        "f.php:1:22: the cast (object) cannot be done here",
		"<?php return ['a' . []];":                  "f.php:1:23: an array cannot be joined to a text",
		"<?php return [[] => 1];":                   "f.php:1:15: an array cannot be a key",
		"<?php return [-'a'];":                      "f.php:1:15: only numbers can have a sign",
		"<?php return [1 + 'a'];":                   "f.php:1:17: only numbers can be calculated with",
		"<?php return [089];":                       "f.php:1:15: the number \"089\" is wrong",
		"<?php return [1_];":                        "f.php:1:15: the number \"1_\" is wrong",
		"<?php return [\x01];":                      "f.php:1:15: unexpected character 0x01",
		"<?php /* x":                                "f.php:1:7: the comment has no end; close it with */",
		"<?php return [PHP_INT_MAX => 1, 2];":       "f.php:1:33: the array has no next key for this element; write a key",
		"<?php return [\"\\u{110000}\"];":           "f.php:1:16: the escape \\u{} is wrong; write \\u{20AC} for example",
		"<?php return " + strings.Repeat("[", 300):  "f.php:1:214: arrays nest deeper than 200",
		"<?php return [" + strings.Repeat("-", 300): "f.php:1:213: signs and casts nest deeper than 200",
	} {
		_, err := phparray.Parse("f.php", []byte(src))
		var syntax *phparray.SyntaxError
		if !errors.As(err, &syntax) || err.Error() != want {
			t.Errorf("%s\n got %v\nwant %s", src, err, want)
		}
	}
}

func TestNothingIsAnEmptyArray(t *testing.T) {
	for _, src := range []string{"", " \n", "<?php\n", "<?php\nreturn;", "\ufeff<?php // nothing"} {
		if a, err := phparray.Parse("f.php", []byte(src)); err != nil || a.Len() != 0 {
			t.Errorf("Parse(%q) = %v, %v", src, a.Keys(), err)
		}
	}
}

func FuzzParse(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			f.Add(file.Data)
		}
	}
	f.Add([]byte("<?php return [-9223372036854775808, 1e999, \"\\u{41}\", (int)'1e3', 0x8000000000000000];"))
	f.Fuzz(func(t *testing.T, src []byte) {
		a, err := phparray.Parse("f.php", src)
		if err != nil {
			return
		}
		readsBack(t, a, phparray.Export(a))
		readsBack(t, a, phparray.ExportShort(a))
	})
}
