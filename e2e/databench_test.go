package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"sluice/internal/edge/edgectl"
	"sluice/internal/engine"
	"sluice/internal/engine/docker"
	"sluice/internal/platform"
	"sluice/internal/snapshot"
	"sluice/internal/snapshot/files"
	"sluice/internal/snapshot/mariadb"
)

// TestBenchData measures what a copy of an environment's data costs its visitors: by a
// snapshot that shares blocks, by one that copies them, and by mysqldump | mysql with rsync,
// all in one run. While the copy is made a client asks for the front page 20 times a second
// and another writes to two tables in each transaction; the copy is right when its tables
// agree. SLUICE_BENCH_DATA_MB is the size of the database, and of the media (512).
func TestBenchData(t *testing.T) {
	if os.Getenv("SLUICE_BENCH") == "" {
		t.Skip("run `make bench`")
	}
	size := 512
	if n, err := strconv.Atoi(os.Getenv("SLUICE_BENCH_DATA_MB")); err == nil && n > 0 {
		size = n
	}
	var rows []dataRow
	facts := ""
	for _, pool := range []bool{true, false} {
		m := startMachine(t, 0, func(m *machine) {
			if pool {
				m.makePool(4*size + 1024)
			}
		})
		facts = machineFacts(m)
		d := newDataShop(m, size)
		rows = append(rows, d.snapshot(), d.byHand())
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(w, "Copies of data: %d MB of MariaDB, %d MB of media in files of 10 KB, 20 requests a second\n%s\n\n", size, size, facts)
	_, _ = fmt.Fprintln(w, "way\tcopy stands after\tstandstill\tlongest request\tbefore the copy\trequests\terrors\ttables agree")
	for _, r := range rows {
		_, _ = fmt.Fprintln(w, r.String())
	}
	if err := w.Flush(); err != nil {
		t.Error(err)
	}
}

// dataRow is one way of copying.
type dataRow struct {
	way        string
	took       time.Duration
	standstill time.Duration
	visitors   steady
	agree      string
}

func (r dataRow) String() string {
	ms := func(d time.Duration) string { return d.Round(time.Millisecond).String() }
	return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%d\t%d\t%s", r.way, ms(r.took), ms(r.standstill), ms(r.visitors.longest), ms(r.visitors.before),
		r.visitors.requests, r.visitors.failed, r.agree)
}

// makePool gives the machine a pool until the test ends.
func (m *machine) makePool(mb int) {
	m.t.Helper()
	out, code := m.run(m.dir, m.bin("sluiced"), "pool:create", "--data-dir", m.data, "--size", fmt.Sprintf("%dM", mb))
	if code != 0 {
		m.t.Skipf("no pool on this machine: %s", out)
	}
	at := filepath.Join(m.data, "pool")
	m.t.Cleanup(func() { m.unmount(at) })
}

// unmount waits for processes that were just ended to let go.
func (m *machine) unmount(at string) {
	var err error
	for range 100 {
		if err = unix.Unmount(at, 0); !errors.Is(err, unix.EBUSY) {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil && !errors.Is(err, unix.EINVAL) {
		m.t.Errorf("unmount %s: %v", at, err)
	}
}

// dataShop is a shop with much data, and the store of its snapshots.
type dataShop struct {
	*shop
	env      platform.EnvironmentID
	store    *files.Store
	database string // name of its container
}

const dataChild = platform.EnvironmentID("copy-of-the-shop")

func newDataShop(m *machine, mb int) *dataShop {
	m.t.Helper()
	d := &dataShop{shop: m.newShop(fmt.Sprintf("data%d", os.Getpid()), "../examples/storefront")}
	d.push()
	found, err := os.ReadDir(filepath.Join(m.data, "services") + "/")
	if err != nil || len(found) != 1 {
		m.t.Fatalf("environments with data: %v, error %v", found, err)
	}
	d.env = platform.EnvironmentID(found[0].Name())
	d.database = m.prefix + "-" + string(d.env) + "-mysql"
	d.open()
	d.sql(d.database, fmt.Sprintf(`CREATE DATABASE bench; USE bench;
		CREATE TABLE filler (id INT PRIMARY KEY AUTO_INCREMENT, body MEDIUMBLOB) ENGINE=InnoDB;
		CREATE TABLE orders (id INT PRIMARY KEY AUTO_INCREMENT, body VARCHAR(200)) ENGINE=InnoDB;
		CREATE TABLE items (id INT PRIMARY KEY AUTO_INCREMENT, body VARCHAR(200)) ENGINE=InnoDB;
		INSERT INTO filler (body) SELECT CONCAT(%s) FROM seq_1_to_%d;`, strings.TrimSuffix(strings.Repeat("RANDOM_BYTES(1024),", 8), ","), mb*128))
	d.fillMedia(mb)
	return d
}

// open opens the store as sluiced does, beside it.
func (d *dataShop) open() {
	d.t.Helper()
	e, err := docker.New(d.t.Context(), docker.Options{DataDir: d.data, Prefix: d.prefix})
	if err != nil {
		d.t.Fatal(err)
	}
	d.store, err = files.New(files.Config{
		DataDir: d.data, Freezer: e, Router: edgectl.NewClient(filepath.Join(d.data, "router", "control.sock")),
		Running: func(ctx context.Context, env platform.EnvironmentID) ([]string, error) {
			status, err := e.Observe(ctx, env)
			var out []string
			for _, c := range status.Containers {
				out = append(out, c.Name)
			}
			return out, err
		},
		Hot: mariadb.Copier{Run: func(ctx context.Context, env platform.EnvironmentID, service string, command []string, out io.Writer) (int, error) {
			return e.Exec(ctx, engine.ExecRequest{Environment: env, Container: service, Command: command, Stdout: out, Stderr: out})
		}},
		Log: slog.New(slog.NewTextHandler(d.t.Output(), nil)),
	})
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		if err := errors.Join(d.store.Close(), e.Close()); err != nil {
			d.t.Error(err)
		}
	})
}

// media is the directory of the shop's media.
func (d *dataShop) media() string {
	return filepath.Join(d.data, "volumes", string(d.env), "@app", snapshot.SourceName("files/media"))
}

func (d *dataShop) fillMedia(mb int) {
	d.t.Helper()
	content := []byte(strings.Repeat("0123456789abcdef", 640))
	for n := range mb * 100 {
		dir := filepath.Join(d.media(), "bench", strconv.Itoa(n/100))
		if n%100 == 0 {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				d.t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(n)), content, 0o644); err != nil {
			d.t.Fatal(err)
		}
	}
}

func databaseClient(container string) *exec.Cmd {
	return exec.Command("docker", "exec", "-i", container, //nolint:noctx // ended by its input
		"mariadb", "--no-defaults", "--user=mysql", "--socket=/tmp/mysqld.sock", "--batch", "--skip-column-names")
}

// sql runs statements in a container and returns what they print.
func (d *dataShop) sql(container, statements string) string {
	d.t.Helper()
	c := databaseClient(container)
	c.Stdin = strings.NewReader(statements)
	out, err := c.CombinedOutput()
	if err != nil {
		d.t.Fatalf("mariadb in %s: %v: %s", container, err, out)
	}
	return strings.TrimSpace(string(out))
}

// write inserts into two tables in each transaction until stop is called.
func (d *dataShop) write() (stop func()) {
	d.t.Helper()
	c := databaseClient(d.database)
	input, err := c.StdinPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		d.t.Fatal(err)
	}
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.WriteString(input, "USE bench;\n")
		for {
			select {
			case <-ended:
				_ = input.Close()
				return
			default:
			}
			_, err := io.WriteString(input, "START TRANSACTION; INSERT INTO orders (body) VALUES ('x'); INSERT INTO items (body) VALUES ('y'); COMMIT;\n")
			if err != nil {
				return
			}
		}
	}()
	return func() {
		close(ended)
		<-done
		if err := c.Wait(); err != nil {
			d.t.Errorf("the writer: %v", err)
		}
	}
}

// steady is what a client saw that asks at a constant rate, whatever comes back.
type steady struct {
	requests, failed int
	before, longest  time.Duration // the longest before mark was called, and after
}

// ask requests the front page 20 times a second.
func (d *dataShop) ask() (mark func(), stop func() steady) {
	var mu sync.Mutex
	var out steady
	var under sync.WaitGroup
	marked, ended, done := false, make(chan struct{}), make(chan struct{})
	one := func() {
		began := time.Now()
		resp, err := client().Get(d.address()) //nolint:noctx // has a time limit
		ok := err == nil && resp.StatusCode == http.StatusOK
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
		took := time.Since(began)
		mu.Lock()
		defer mu.Unlock()
		out.requests++
		if !ok {
			out.failed++
		}
		if marked {
			out.longest = max(out.longest, took)
		} else {
			out.before = max(out.before, took)
		}
	}
	go func() {
		defer close(done)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
				under.Go(one)
			}
		}
	}()
	mark = func() {
		mu.Lock()
		defer mu.Unlock()
		marked = true
	}
	return mark, func() steady {
		close(ended)
		<-done
		under.Wait()
		return out
	}
}

// measured runs a way of copying among visitors and a writer.
func (d *dataShop) measured(copying func()) (time.Duration, steady) {
	d.t.Helper()
	stopWriter := d.write()
	mark, stop := d.ask()
	time.Sleep(5 * time.Second) // what visitors see without a copy
	mark()
	began := time.Now()
	copying()
	took := time.Since(began)
	visitors := stop()
	stopWriter()
	return took, visitors
}

// snapshot copies by a snapshot that is planted.
func (d *dataShop) snapshot() dataRow {
	d.t.Helper()
	var taken snapshot.Snapshot
	took, visitors := d.measured(func() {
		var err error
		if taken, err = d.store.Take(d.t.Context(), snapshot.Request{Environment: d.env, Reason: "bench"}, d.t.Output()); err != nil {
			d.t.Fatal(err)
		}
		if _, err = d.store.Plant(d.t.Context(), snapshot.PlantRequest{Snapshot: taken.ID, Environment: dataChild, Consume: true}, d.t.Output()); err != nil {
			d.t.Fatal(err)
		}
	})
	container := d.startCopy(filepath.Join(d.data, "services", string(dataChild), "mysql"))
	row := dataRow{way: "snapshot, " + string(taken.Method), took: took, standstill: taken.Standstill, visitors: visitors, agree: d.agree(container)}
	d.dropCopy(container)
	return row
}

// byHand copies by what is done without Sluice.
func (d *dataShop) byHand() dataRow {
	d.t.Helper()
	data := filepath.Join(d.t.TempDir(), "mysql")
	media := d.t.TempDir()
	var container string
	took, visitors := d.measured(func() {
		container = d.startCopy(data)
		d.shell("docker exec " + d.database + " mariadb-dump --no-defaults --user=mysql --socket=/tmp/mysqld.sock --single-transaction --quick --databases bench" +
			" | docker exec -i " + container + " mariadb --no-defaults --user=mysql --socket=/tmp/mysqld.sock")
		d.shell("rsync -a '" + d.media() + "/' '" + media + "/'")
	})
	row := dataRow{way: "mysqldump | mysql, rsync", took: took, visitors: visitors, agree: d.agree(container)}
	d.dropCopy(container)
	return row
}

func (d *dataShop) shell(command string) {
	d.t.Helper()
	if out, err := exec.CommandContext(d.t.Context(), "bash", "-c", "set -o pipefail; "+command).CombinedOutput(); err != nil {
		d.t.Fatalf("%s: %v: %s", command, err, out)
	}
}

// startCopy starts a MariaDB like the shop's over another directory and waits until it
// answers.
func (d *dataShop) startCopy(data string) (container string) {
	d.t.Helper()
	container = d.database + "-copy"
	inspect := func(format string) string {
		out, err := exec.CommandContext(d.t.Context(), "docker", "inspect", "--format", format, d.database).Output()
		if err != nil {
			d.t.Fatalf("docker inspect: %v", err)
		}
		return strings.TrimSpace(string(out))
	}
	user := inspect("{{.Config.User}}")
	d.shell("mkdir -p '" + data + "' && chown " + user + " '" + data + "'")
	d.shell("docker run --detach --name " + container + " --user " + user + " --network none --tmpfs /tmp --volume '" + data + "':/var/lib/mysql " +
		"--entrypoint /usr/lib/sluice/start-mariadb " + inspect("{{.Image}}") + " >/dev/null")
	d.t.Cleanup(func() { d.dropCopy(container) })
	d.eventually("the copy answers", func() bool {
		c := databaseClient(container)
		c.Stdin = strings.NewReader("SELECT 1;")
		return c.Run() == nil
	})
	return container
}

func (d *dataShop) dropCopy(container string) {
	_ = exec.Command("docker", "rm", "--force", container).Run() //nolint:noctx // also when the test's context has ended
}

// agree compares the two tables of a copy, and checks that its filler is whole.
func (d *dataShop) agree(container string) string {
	d.t.Helper()
	counts := strings.Fields(d.sql(container, `SELECT COUNT(*), MAX(id) FROM bench.orders; SELECT COUNT(*), MAX(id) FROM bench.items;
		SELECT COUNT(*) FROM bench.filler WHERE LENGTH(body) = 8192;`))
	filler := d.sql(d.database, "SELECT COUNT(*) FROM bench.filler;")
	if len(counts) == 5 && slices.Equal(counts[0:2], counts[2:4]) && counts[4] == filler {
		return "yes"
	}
	d.t.Errorf("the tables of the copy do not agree: %v, want twice the same and %s", counts, filler)
	return "no"
}
