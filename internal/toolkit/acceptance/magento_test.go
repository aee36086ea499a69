package acceptance

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"sluice/internal/toolkit/phparray"
)

func text(status int) string { return strconv.Itoa(status) }

// installed is where the fake Magento notes that its database has tables.
const installed = "magento.installed"

// php is a php that knows bin/magento of a project that was never there. The file
// magento.fails names commands and programs that fail, each line: name, exit status, message;
// every command prints magento.prints first.
func php() {
	if len(os.Args) < 2 {
		return
	}
	if os.Args[1] == "-d" { // a program on stdin: PHP itself
		realPHP()
	}
	if os.Args[1] == "-r" { // PHP_VERSION is all that is asked
		version, err := os.ReadFile("php.version")
		if err != nil {
			version = []byte("8.2.20")
		}
		fmt.Print(strings.TrimSpace(string(version))) //nolint:forbidigo // the program php
		return
	}
	if _, err := os.Stat(os.Args[1]); err != nil {
		fail(1, "Could not open input file: "+os.Args[1])
	}
	if !strings.HasSuffix(os.Args[1], "bin/magento") || len(os.Args) < 3 {
		return
	}
	if text, err := os.ReadFile("magento.prints"); err == nil {
		fmt.Print(string(text)) //nolint:forbidigo // the program php
	}
	name := os.Args[2]
	noteCall()
	failAs(name)
	if do := magento()[name]; do != nil {
		do()
	}
}

// noteCall adds the arguments to magento.calls when a test wants to know them.
func noteCall() {
	f, err := os.OpenFile("magento.calls", os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return
	}
	_, _ = fmt.Fprintln(f, strings.Join(os.Args[2:], " ")) // what is missing is seen
	_ = f.Close()
}

// realPHP becomes the machine's php.
func realPHP() {
	for _, dir := range []string{"/usr/local/bin", "/usr/bin", "/bin"} {
		_ = syscall.Exec(filepath.Join(dir, "php"), os.Args, os.Environ()) //nolint:forbidigo // the program php; returns when it is not there
	}
	fail(127, "php was not found")
}

// failAs ends the program when magento.fails names the command.
func failAs(name string) {
	broken, _ := os.ReadFile("magento.fails") // usually there is none
	for line := range strings.Lines(string(broken)) {
		words := strings.SplitN(strings.TrimSpace(line), " ", 3)
		if status, err := strconv.Atoi(words[1]); err == nil && words[0] == name {
			fail(status, words[2])
		}
	}
}

func fail(status int, message string) {
	_, _ = fmt.Fprintln(os.Stderr, message)
	os.Exit(status) //nolint:forbidigo // the program php
}

// magento are the commands of bin/magento that leave something behind.
func magento() map[string]func() {
	return map[string]func(){
		"setup:install": func() {
			edit(phparray.Map("crypt", phparray.Map("key", "key-of-the-fake"), "install", phparray.Map("date", "Thu, 26 Nov 2026 03:00:00 +0000")))
			if _, err := os.Stat("app/etc/config.php"); err != nil {
				write("app/etc/config.php", "<?php\nreturn ['modules' => ['Magento_Store' => 1]];\n")
			}
			write(installed, option("--base-url="))
		},
		"app:config:dump":             func() { write("app/etc/config.php", dumped) },
		"setup:db-schema:split-quote": func() { split("checkout") },
		"setup:db-schema:split-sales": func() { split("sales") },
		"config:show:store-url": func() {
			base, _ := os.ReadFile(installed) // empty before the installation
			if len(os.Args) > 5 {
				fmt.Println(string(base)) //nolint:forbidigo // the program php
				return
			}
			fmt.Printf("{\"1\":%q}\n", string(base)) //nolint:forbidigo // as above
		},
		"setup:static-content:deploy": func() { write("pub/static/frontend/made.js", "// made") },
		"config:show":                 func() { fmt.Println(1) }, //nolint:forbidigo // as above
	}
}

// dumped is what app:config:dump writes: what is kept and what is not.
const dumped = `<?php
return [
    'modules' => ['Magento_Store' => 1],
    'scopes' => ['websites' => ['admin' => ['code' => 'admin'], 'base' => ['code' => 'base']], 'groups' => [['code' => 'default']], 'stores' => ['admin' => ['code' => 'admin'], 'default' => ['code' => 'default']]],
    'themes' => ['frontend/Magento/luma' => ['area' => 'frontend']],
    'system' => [
        'default' => ['general' => ['locale' => ['code' => 'en_US']], 'dev' => ['static' => ['sign' => '1'], 'front_end_development_workflow' => ['type' => 'server_side_compilation'], 'template' => ['minify_html' => '1'], 'js' => ['merge_files' => '0']], 'secret' => ['not' => 'kept']],
        'stores' => ['default' => ['design' => ['theme' => ['theme_id' => 'x']]]],
        'websites' => ['base' => ['general' => ['locale' => ['code' => 'en_US']]]],
    ],
];
`

func write(name, content string) {
	if i := strings.LastIndexByte(name, '/'); i > 0 {
		if err := os.MkdirAll(name[:i], 0o750); err != nil {
			panic(err)
		}
	}
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		panic(err)
	}
}

func option(prefix string) string {
	i := slices.IndexFunc(os.Args, func(a string) bool { return strings.HasPrefix(a, prefix) })
	if i < 0 {
		return ""
	}
	return strings.TrimPrefix(os.Args[i], prefix)
}

// split adds a connection to env.php as Magento's commands do.
func split(connection string) {
	edit(phparray.Map("db", phparray.Map("connection", phparray.Map(connection, phparray.Map("host", option("--host="), "dbname", option("--dbname="))))))
}

// edit puts values into env.php and keeps the others.
func edit(values *phparray.Array) {
	env := phparray.New()
	if text, err := os.ReadFile("app/etc/env.php"); err == nil {
		if env, err = phparray.Parse("app/etc/env.php", text); err != nil {
			panic(err)
		}
	}
	write("app/etc/env.php", string(phparray.Export(phparray.Replace(env, values))))
}

// newFront is the shop's front end.
func newFront() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "missing") {
			http.NotFound(w, r)
			return
		}
		_, _ = fmt.Fprint(w, "<title>Home page</title>")
	}))
}

// newRedis is a Redis that is content with everything.
func newRedis() (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go agree(conn)
		}
	}()
	return l, nil
}

// agree answers each command with OK. A command is an array: *N, then N times $LENGTH, TEXT.
func agree(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	in := bufio.NewScanner(conn)
	for in.Scan() {
		n, err := strconv.Atoi(strings.TrimPrefix(in.Text(), "*"))
		if err != nil {
			return
		}
		for range 2 * n {
			in.Scan()
		}
		_, _ = conn.Write([]byte("+OK\r\n"))
	}
}
