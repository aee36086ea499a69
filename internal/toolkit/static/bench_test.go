package static

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const benchFiles = 20_000

// benchTree makes static content like that of a shop with three locales: texts of 0.5 to
// 7.5 KiB in which words and lines repeat as in JavaScript and CSS.
func benchTree(b *testing.B) (dir string, size int64) {
	b.Helper()
	dir = b.TempDir()
	r := rand.New(rand.NewPCG(1, 2)) // the same content in every run
	words := make([]string, 3000)
	for i := range words {
		words[i] = fmt.Sprintf("%c%x", 'a'+rune(r.IntN(26)), r.IntN(1<<(8+4*(i%3))))
	}
	for i := range benchFiles {
		text := benchText(r, words, 512+r.IntN(7<<10))
		name := filepath.Join(dir, fmt.Sprintf("frontend/Acme/shop/l%d/m%d/f%d.%s", i%3, i%97, i, []string{"js", "css", "html", "svg"}[i%4]))
		if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
		size += int64(len(text))
	}
	return dir, size
}

func benchText(r *rand.Rand, words []string, size int) string {
	var t strings.Builder
	for t.Len() < size {
		switch r.IntN(4) {
		case 0:
			t.WriteString("    define(['jquery', '" + words[r.IntN(200)] + "'], function ($) {\n")
		case 1:
			t.WriteString("        return this." + words[r.IntN(len(words))] + "(" + words[r.IntN(len(words))] + ");\n")
		case 2:
			t.WriteString("." + words[r.IntN(len(words))] + " { margin: 0; padding: " + strconv.Itoa(r.IntN(99)) + "px; }\n")
		default:
			t.WriteString("/* " + words[r.IntN(len(words))] + " " + words[r.IntN(len(words))] + " */\n")
		}
	}
	return t.String()
}

// uncompress deletes every .gz and returns how many there were and their bytes.
func uncompress(b *testing.B, dir string) (files int, size int64) {
	b.Helper()
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(p) != ".gz" {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		files, size = files+1, size+info.Size()
		return os.Remove(p)
	})
	if err != nil {
		b.Fatal(err)
	}
	return files, size
}

// BenchmarkCompress compares the workers here with what the original does, at the levels of
// deploy and build.
func BenchmarkCompress(b *testing.B) {
	dir, size := benchTree(b)
	for _, level := range []int{4, 6} {
		for name, compress := range map[string]func() error{
			"sluice": func() error {
				_, err := Compression{Level: level}.Compress(b.Context(), dir)
				return err
			},
			"xargs-P2-gzip": func() error {
				script := fmt.Sprintf(`find . -type f -size +300c \( -name '*.js' -o -name '*.css' -o -name '*.svg' -o -name '*.html' -o -name '*.htm' \) -print0 | xargs -0 -n100 -P2 gzip -q --keep -%d`, level)
				cmd := exec.CommandContext(b.Context(), "sh", "-c", script)
				cmd.Dir = dir
				return cmd.Run()
			},
		} {
			b.Run(fmt.Sprintf("level=%d/%s", level, name), func(b *testing.B) {
				b.SetBytes(size)
				var files int
				var packed int64
				for b.Loop() {
					if err := compress(); err != nil {
						b.Fatal(err)
					}
					b.StopTimer()
					if files, packed = uncompress(b, dir); files != benchFiles {
						b.Fatalf("%d files", files)
					}
					b.StartTimer()
				}
				b.ReportMetric(100*float64(packed)/float64(size), "%size")
			})
		}
	}
}
