package manifest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
)

// large is a project of four files and about 2,000 lines.
func large(b *testing.B) fstest.MapFS {
	b.Helper()
	var app, services, routes, env bytes.Buffer
	app.WriteString("name: app\ntype: php:8.2\ndisk: 2048\nhooks:\n    build: |\n" + strings.Repeat("        make all\n", 100) + "web:\n    locations:\n")
	for i := range 80 {
		fmt.Fprintf(&app, "        \"/l%d\":\n            root: pub/l%d\n            allow: false\n            rules:\n                '\\.(css|js%d)$':\n                    allow: true\n", i, i, i)
	}
	app.WriteString("crons:\n")
	for i := range 50 {
		fmt.Fprintf(&app, "    c%d:\n        spec: \"%d * * * *\"\n        cmd: run %d\n", i, i, i)
	}
	app.WriteString("relationships:\n")
	for i := range 40 {
		fmt.Fprintf(&app, "    r%d: \"s%d:mysql\"\n", i, i)
		fmt.Fprintf(&services, "s%d:\n    type: mysql:10.11\n    disk: 1024\n    configuration:\n        schemas: [main]\n", i)
	}
	for i := range 120 {
		fmt.Fprintf(&routes, "\"https://shop%d.example.com/\":\n    type: upstream\n    upstream: \"app:http\"\n    cache:\n        enabled: true\n", i)
	}
	env.WriteString("stage:\n  build:\n    SCD_THREADS: 4\n    SCD_MATRIX:\n")
	for i := range 100 {
		fmt.Fprintf(&env, "      \"Vendor/theme%d\":\n        language: [en_US, de_DE]\n", i)
	}
	return fstest.MapFS{
		appFile: {Data: app.Bytes()}, ".magento/services.yaml": {Data: services.Bytes()},
		".magento/routes.yaml": {Data: routes.Bytes()}, envFile: {Data: env.Bytes()},
	}
}

func BenchmarkParseLarge(b *testing.B) {
	fsys, opts := large(b), testOptions(b)
	lines := 0
	for _, f := range fsys {
		lines += bytes.Count(f.Data, []byte("\n"))
	}
	if _, found := Parse(fsys, opts); found.HasErrors() {
		b.Fatal(found)
	}
	b.ReportAllocs()
	for b.Loop() {
		Parse(fsys, opts)
	}
	b.ReportMetric(float64(lines), "lines")
	b.ReportMetric(b.Elapsed().Seconds()*1000/float64(b.N), "ms/project")
}

func BenchmarkParseUsual(b *testing.B) {
	archive, err := txtar.ParseFile("testdata/valid/shop.txtar")
	if err != nil {
		b.Fatal(err)
	}
	fsys, opts := project(b, archive), testOptions(b)
	b.ReportAllocs()
	for b.Loop() {
		Parse(fsys, opts)
	}
}

// BenchmarkParseMutated validates files that were changed at random, each alone: the
// throughput for hostile input on all processors, and the memory of the process.
func BenchmarkParseMutated(b *testing.B) {
	archive, err := txtar.ParseFile("testdata/valid/shop.txtar")
	if err != nil {
		b.Fatal(err)
	}
	base, names := project(b, archive), []string{appFile, ".magento/services.yaml", ".magento/routes.yaml", envFile}
	var seeds atomic.Uint64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		opts := testOptions(b)
		random := rand.New(rand.NewPCG(1, seeds.Add(1)))
		for i := 0; pb.Next(); i++ {
			opts.Only = names[i%len(names)]
			Parse(fstest.MapFS{opts.Only: {Data: mutated(random, base[opts.Only].Data)}}, opts)
		}
	})
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "files/s")
	b.ReportMetric(float64(memory.Sys)/(1<<20), "MiB")
}

// mutated cuts, doubles and swaps pieces of a text and writes over some of its bytes.
func mutated(random *rand.Rand, text []byte) []byte {
	out := bytes.Clone(text)
	for range 1 + random.IntN(4) {
		at := random.IntN(len(out))
		end := min(len(out), at+1+random.IntN(40))
		switch random.IntN(4) {
		case 0:
			out = append(bytes.Clone(out[:at]), out[end:]...)
		case 1:
			out = append(bytes.Clone(out[:end]), out[at:]...)
		case 2:
			out[at] = "\t :-[]{}&*!|>'\"#%@\x00"[random.IntN(19)]
		default:
			out[at] = byte(random.IntN(256))
		}
		if len(out) == 0 {
			return text
		}
	}
	return out
}
