package phpdecl_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"sluice/internal/phpdecl"
)

var update = flag.Bool("update", false, "write the golden files")

// TestRead reads the file input.php of each archive and wants what the others say.
func TestRead(t *testing.T) {
	names, err := filepath.Glob("testdata/read/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := txtar.Archive{Comment: archive.Comment, Files: archive.Files[:1]}
			if file, ok := phpdecl.Read(archive.Files[0].Data); ok {
				got.Files = append(got.Files,
					txtar.File{Name: "declarations", Data: []byte(wrapped(file.Text))},
					txtar.File{Name: "classes", Data: []byte(strings.Join(append(file.Classes, ""), "\n"))})
			} else {
				got.Files = append(got.Files, txtar.File{Name: "cannot be followed"})
			}
			if *update {
				if err := os.WriteFile(name, txtar.Format(&got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(txtar.Format(archive)), string(txtar.Format(&got))); diff != "" && !*update {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// wrapped writes tokens as lines that people can read.
func wrapped(tokens []byte) string {
	text := strings.ReplaceAll(string(tokens), "\n", " ")
	return strings.NewReplacer("; ", ";\n", "{ ", "{\n", "} ", "}\n").Replace(text)
}

// edit is a change of a file, and whether its declarations stay the same.
type edit struct {
	name, from, to string
	same           bool
}

const shop = `<?php
declare(strict_types=1);

namespace Acme\Shop\Model;

use Acme\Shop\Api\CartInterface;
use Magento\Framework\Registry;

/** Text. */
class Cart extends \Acme\Base implements CartInterface
{
    const LIMIT = 10;
    protected $items = [];

    /**
     * @param Registry $registry
     */
    public function __construct(private CartInterface $inner, $limit = self::LIMIT)
    {
        $this->limit = $limit;
    }

    public function total(?int $of, string ...$more): float
    {
        return "{$this->sum(["x" => '}'])}" . $of;
    }
}
`

func TestWhatCounts(t *testing.T) {
	for _, e := range []edit{
		{"a body", "return ", "if ($of) { throw new \\Exception('}'); } return ", true},
		{"an import that a body needs", "use Magento", "use Magento\\Framework\\Phrase;\nuse Magento", true},
		{"a comment", "/** Text. */", "// Other text }", true},
		{"the layout of a signature", "(?int $of, string ...$more): float\n    {", "(\n  ?int $of,\n  string ...$more\n ) : float {", true},
		{"a closure in a body", "return ", "$f = fn ($x) => $x; return ", true},
		{"a string of a body", "'}'", "'{ ?>'", true},
		{"a heredoc of a body", "return ", "$x = <<<'A'\n } \\\n A; return ", true},
		{"an import that a type needs", "Api\\CartInterface", "Api\\BasketInterface as CartInterface", false},
		{"a type of a doc block", "@param Registry", "@param \\Other", false},
		{"what a type of a doc block is", "Framework\\Registry", "Other\\Registry", false},
		{"a constant", "10", "11", false},
		{"a constructor's body", "= $limit;", "= $limit + 1;", false},
		{"a default", "self::LIMIT", "null", false},
		{"a parameter's name", "int $of,", "int $off,", false},
		{"a nullable type", "?int", "int", false},
		{"the return type", ": float", ": int", false},
		{"the name of a method", "total", "sum", false},
		{"its case", "total", "Total", false},
		{"a visibility", "protected $items", "private $items", false},
		{"a parent", `\Acme\Base`, `\Acme\Other`, false},
		{"an attribute", "    const", "    #[Deprecated]\n    const", false},
		{"a class in a body", "return ", "$x = new class { }; return ", false},
		{"a generated class in a body", "return ", "$x = $om->get(ItemFactory::class); return ", false},
		{"a constructor that calls a method", "$this->limit = $limit;", "$this->load();", false},
		{"strict types", "strict_types=1", "strict_types=0", false},
	} {
		t.Run(e.name, func(t *testing.T) {
			if !strings.Contains(shop, e.from) {
				t.Fatalf("%q is not in the file", e.from)
			}
			before, ok := phpdecl.Read([]byte(shop))
			after, ok2 := phpdecl.Read([]byte(strings.Replace(shop, e.from, e.to, 1)))
			if !ok || !ok2 {
				t.Fatal("the file cannot be followed")
			}
			if same := string(before.Text) == string(after.Text); same != e.same {
				t.Errorf("the declarations are the same: %t, want %t\n%s", same, e.same, wrapped(after.Text))
			}
		})
	}
}

func TestBodiesThatRunInACompilation(t *testing.T) {
	for name, head := range map[string]string{
		"a command by its parent's name":   "class Import extends Command",
		"a command by what its alias is":   "use Symfony\\Component\\Console\\Command\\Command as Base;\nclass Import extends Base",
		"a list of commands":               "class Commands implements \\Magento\\Framework\\Console\\CommandListInterface",
		"options of the installer":         "class ConfigOptionsList",
		"a method that configures":         "class Import { function configure() {} ",
		"a constructor that calls another": "class Import { function __construct() { static::boot(); } ",
		"a constructor that passes itself": "class Import { function __construct() { listen([$this, 'x']); } ",
	} {
		t.Run(name, func(t *testing.T) {
			class := func(method, body string) string {
				if !strings.Contains(head, "{") {
					return "<?php " + head + " { function " + method + "() { " + body + " } }"
				}
				return "<?php " + head + " function " + method + "() { " + body + " } }"
			}
			for method, counts := range map[string]bool{"options": true, "execute": false} {
				one, _ := phpdecl.Read([]byte(class(method, "return 1;")))
				two, ok := phpdecl.Read([]byte(class(method, "return 2;")))
				if !ok || counts == (string(one.Text) == string(two.Text)) {
					t.Errorf("the body of %s counts: %t, want %t", method, !counts, counts)
				}
			}
		})
	}
}

func TestNotFollowed(t *testing.T) {
	for _, src := range []string{
		"<?php class A { function f() { }", "<?php class A { function f() { ) } }", "<?php $x = 'a", "<?php /* a", "<? echo 1;",
		"<?php __halt_compiler(); }", "<?php $x = <<<A\n a", "<?php class A { function () {} }", "<?php class A;", `<?php $x = "{$a";`,
	} {
		if file, ok := phpdecl.Read([]byte(src)); ok {
			t.Errorf("%q was read as %q", src, file.Text)
		}
	}
}

// FuzzRead wants that white space and comments between tokens never count, and that nothing
// is read of a file that ends in the middle of something.
func FuzzRead(f *testing.F) {
	f.Add(shop)
	f.Add("<?php namespace A { class B {} } namespace C { use D as E; interface F extends E {} }")
	f.Add("<p>$x <?= $x ?></p><?php enum A: string { case B = 'b'; const C = self::B; }")
	f.Add("<?php trait A { abstract function &f($a = [1, 2], #[X([1])] ?B $b); }")
	f.Add("<?php $x = <<<\"EOT\"\n  {$a['b']} ${c}\n  EOT . `ls`; # comment ?> text")
	f.Fuzz(func(t *testing.T, src string) {
		file, ok := phpdecl.Read([]byte(src))
		if !ok {
			return
		}
		again, ok := phpdecl.Read([]byte(src + "\n"))
		if !strings.Contains(src, "?>") && strings.HasPrefix(src, "<?php") && ok && string(again.Text) != string(file.Text) {
			t.Errorf("a newline at the end of %q changes its declarations", src)
		}
		if cut := strings.TrimRight(src, " \n"); strings.HasSuffix(cut, "}") && !strings.Contains(src, "?>") && !strings.ContainsAny(src, "#/'\"`<") {
			if _, ok := phpdecl.Read([]byte(cut[:len(cut)-1])); ok && strings.HasPrefix(src, "<?php") {
				t.Errorf("%q without its last bracket was read", src)
			}
		}
	})
}
