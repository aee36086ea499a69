package images_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sluice/internal/catalog"
	"sluice/internal/images"
	"sluice/internal/platform"
)

// fakeDebian writes a command that stands for mmdebstrap and returns its path.
func fakeDebian(t *testing.T, script string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "mmdebstrap")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}

func debianImage(name string) catalog.Image {
	return catalog.Image{Name: name, Debian: &catalog.Debian{
		Suite:    "bookworm",
		Packages: []string{"memcached"},
		Files:    []catalog.File{{Path: "/usr/lib/sluice/start", Mode: 0o755, Content: "#!/bin/sh\n"}},
		Script:   "true # " + name + "\n",
		Env:      map[string]string{"PHP_INI_SCAN_DIR": "/etc/sluice/php"},
	}}
}

func ensure(t *testing.T, a *images.Assembler, img catalog.Image) (platform.ImageRef, string, error) {
	t.Helper()
	var log bytes.Buffer
	ref, err := a.Ensure(t.Context(), img, &log)
	return ref, log.String(), err
}

func TestAnImageIsAssembledOnce(t *testing.T) {
	ran := filepath.Join(t.TempDir(), "ran")
	store := &memoryStore{}
	a := images.New(store, images.Options{Command: fakeDebian(t, `
		echo run >>`+ran+`
		echo "I: running apt-get update..." >&2
		echo "I: using /tmp/mmdebstrap.x as tempdir" >&2
		echo "sluice: packages 214" >&2
		printf "the tar"`)})
	img := debianImage("php-8.2")

	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if _, err := a.Ensure(t.Context(), img, io.Discard); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got, _ := os.ReadFile(ran); string(got) != "run\n" {
		t.Errorf("mmdebstrap ran %d times", bytes.Count(got, []byte("\n")))
	}

	ref, log, err := ensure(t, a, img)
	if err != nil || log != "" {
		t.Errorf("image that is there: error %v, log %q", err, log)
	}
	if want, _ := images.Reference(img); ref.Ref != want || !strings.HasPrefix(ref.Digest, "sha256:") {
		t.Errorf("reference is %+v, want %s", ref, want)
	}
	if got := store.tars[ref.Ref]; got != "the tar" {
		t.Errorf("imported %q", got)
	}
	config := store.configs[ref.Ref]
	if config.Env["PHP_INI_SCAN_DIR"] == "" || config.Env["PATH"] == "" || config.Labels["sluice.image"] != "php-8.2" {
		t.Errorf("image configuration is %+v", config)
	}
}

func TestProgressIsForPeople(t *testing.T) {
	a := images.New(&memoryStore{}, images.Options{Command: fakeDebian(t, `
		echo "I: running apt-get update..." >&2
		echo "I: using /tmp/mmdebstrap.x as tempdir..." >&2
		echo "sluice: packages 214" >&2`)})
	_, log, err := ensure(t, a, debianImage("php-8.2"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(log), "\n")
	if len(lines) != 3 || lines[0] != "Assembling php-8.2 from Debian bookworm" ||
		!strings.HasPrefix(lines[1], "  php-8.2: running apt-get update (") ||
		!strings.HasPrefix(lines[2], "Assembled php-8.2: 214 packages in ") {
		t.Errorf("log is:\n%s", log)
	}
}

func TestMmdebstrapIsGivenTheFilesAndTheScript(t *testing.T) {
	// The overlay is gone afterwards, so the command itself unpacks it.
	out := t.TempDir()
	a := images.New(&memoryStore{}, images.Options{Command: fakeDebian(t, `
		for arg; do
			case "$arg" in
			"--customize-hook=tar-in "*) arg=${arg#*tar-in }; tar -C `+out+` -xpf "${arg% /}" ;;
			esac
		done`)})
	if _, _, err := ensure(t, a, debianImage("php-8.2")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(out, "usr/lib/sluice/start"))
	if err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("file: %v, %v", info, err)
	}
	script, err := os.ReadFile(filepath.Join(out, "var/lib/sluice-setup"))
	if err != nil || string(script) != "true # php-8.2\n" {
		t.Errorf("script: %q, %v", script, err)
	}
}

func TestNoMoreThanTheLimitAreAssembledAtATime(t *testing.T) {
	const parallel = 2
	var now, most atomic.Int64
	both := make(chan struct{}, parallel) // lets an import go on once two are under way
	store := &memoryStore{importing: func() {
		n := now.Add(1)
		for m := most.Load(); n > m; m = most.Load() {
			most.CompareAndSwap(m, n)
		}
		if n == parallel {
			both <- struct{}{}
			both <- struct{}{}
		}
		<-both
		now.Add(-1)
	}}
	a := images.New(store, images.Options{Command: fakeDebian(t, ""), Parallel: parallel})
	var wg sync.WaitGroup
	for i := range 2 * parallel {
		wg.Go(func() {
			if _, err := a.Ensure(t.Context(), debianImage(fmt.Sprintf("image-%d", i)), io.Discard); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most.Load() != parallel {
		t.Errorf("%d at a time, want %d", most.Load(), parallel)
	}
}

func TestFailuresSayWhatToDo(t *testing.T) {
	for name, tt := range map[string]struct{ script, message, hint string }{
		"no answer": {
			`echo "E: Failed to fetch http://deb/  Could not connect to deb:80" >&2; exit 100`,
			"Could not connect to deb:80", "check that this machine reaches http://deb.debian.org/debian",
		},
		"no keys":       {`echo "NO_PUBKEY 0E98404D386FA1D9" >&2; exit 1`, "exit status 1", "apt-get install debian-archive-keyring"},
		"lost packages": {`echo "E: Failed to fetch http://deb/x.deb  404  Not Found" >&2; exit 25`, "exit status 25", "name a mirror that has them"},
		"disk is full":  {`echo "tar: write: No space left on device" >&2; exit 1`, "No space left", "free some disk space"},
		"anything":      {`for i in $(seq 30); do echo "line $i" >&2; done; printf "half a tar"; exit 3`, "line 11\n  line 12", ""},
	} {
		t.Run(name, func(t *testing.T) {
			store := &memoryStore{}
			a := images.New(store, images.Options{Command: fakeDebian(t, tt.script)})
			_, _, err := ensure(t, a, debianImage("php-8.2"))
			if platform.ErrorCode(err) != platform.CodeUnavailable {
				t.Fatalf("error is %v", err)
			}
			for _, want := range []string{"image php-8.2 could not be assembled; nothing was changed", tt.message} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error is %v\nwant it to contain %q", err, want)
				}
			}
			if !strings.Contains(platform.ErrorHint(err), tt.hint) {
				t.Errorf("hint is %q, want %q", platform.ErrorHint(err), tt.hint)
			}
			if strings.Contains(err.Error(), "line 10\n") {
				t.Error("more than the last 20 lines are shown")
			}
			if store.broken == nil || len(store.digests) != 0 {
				t.Errorf("the store took half an image: read error %v, images %v", store.broken, store.digests)
			}
		})
	}
}

func TestMissingMmdebstrapIsNamed(t *testing.T) {
	a := images.New(&memoryStore{}, images.Options{Command: "mmdebstrap-that-is-not-there"})
	_, _, err := ensure(t, a, debianImage("php-8.2"))
	if err == nil || !strings.Contains(platform.ErrorHint(err), "apt-get install mmdebstrap") {
		t.Errorf("error %v, hint %q", err, platform.ErrorHint(err))
	}
}

func TestCancelEndsTheWholeProcessGroup(t *testing.T) {
	temp := t.TempDir()
	a := images.New(&memoryStore{}, images.Options{TempDir: temp, Command: fakeDebian(t, `
		sleep 1000 &
		echo "I: child $!..." >&2
		wait`)})
	ctx, cancel := context.WithCancelCause(t.Context())
	reader, log := io.Pipe()
	failed := make(chan error, 1)
	go func() {
		_, err := a.Ensure(ctx, debianImage("php-8.2"), log)
		failed <- err
		_ = log.Close()
	}()

	child := 0
	for in := bufio.NewScanner(reader); child == 0 && in.Scan(); {
		if _, after, ok := strings.Cut(in.Text(), "child "); ok {
			number, _, _ := strings.Cut(after, " ")
			child, _ = strconv.Atoi(number)
		}
	}
	go func() { _, _ = io.Copy(io.Discard, reader) }()
	leaves := errors.New("the operator left")
	cancel(leaves)
	if err := <-failed; !errors.Is(err, leaves) {
		t.Errorf("error is %v", err)
	}
	for deadline := time.Now().Add(2 * time.Minute); syscall.Kill(child, 0) == nil && !zombie(child); {
		if time.Now().After(deadline) {
			t.Fatalf("process %d outlived the cancellation", child)
		}
		time.Sleep(time.Millisecond)
	}
	if left, _ := os.ReadDir(temp); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// zombie says whether a process is dead and not yet reaped by the process that inherited it.
func zombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

func TestAWaiterTakesOverFromOneWhoGaveUp(t *testing.T) {
	started := make(chan struct{}, 2)
	store := &memoryStore{importing: func() { started <- struct{}{} }}
	first := filepath.Join(t.TempDir(), "first")
	a := images.New(store, images.Options{Command: fakeDebian(t, `
		if mkdir `+first+` 2>/dev/null; then exec sleep 1000; fi
		printf tar`)})
	ctx, giveUp := context.WithCancelCause(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := a.Ensure(ctx, debianImage("php-8.2"), io.Discard); err == nil {
			t.Error("the one who gave up got an image")
		}
	})
	<-started
	wg.Go(func() {
		if _, err := a.Ensure(t.Context(), debianImage("php-8.2"), io.Discard); err != nil {
			t.Error(err)
		}
	})
	for { // mmdebstrap has made its mark
		if _, err := os.Stat(first); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	giveUp(errors.New("gave up"))
	wg.Wait()
}

func TestReferencesArePulledOnce(t *testing.T) {
	img := catalog.Image{Name: "mariadb-10.6", Reference: "docker.io/library/mariadb:10.6"}
	store := &memoryStore{registry: map[string]string{img.Reference: "sha256:aa"}}
	a := images.New(store, images.Options{})
	for _, wantLog := range []string{"Pulling docker.io/library/mariadb:10.6 for mariadb-10.6\nPulled docker.io/library/mariadb:10.6: sha256:aa\n", ""} {
		ref, log, err := ensure(t, a, img)
		if err != nil || ref != (platform.ImageRef{Ref: img.Reference, Digest: "sha256:aa"}) || log != wantLog {
			t.Errorf("got %+v, %q, %v", ref, log, err)
		}
	}
}

func TestAFailedPullNamesTheAlternatives(t *testing.T) {
	c := catalog.Default()
	s, _ := c.Service("mysql", "10.6")
	a := images.New(&memoryStore{}, images.Options{Catalog: c})
	_, _, err := ensure(t, a, s.Image)
	if err == nil || !strings.Contains(err.Error(), "image docker.io/library/mariadb:10.6 for mariadb-10.6 could not be pulled; nothing was changed") {
		t.Errorf("error is %v", err)
	}
	if n := strings.Count(err.Error(), "could not be pulled"); n != 1 {
		t.Errorf("error says it %d times: %v", n, err)
	}
	hint := platform.ErrorHint(err)
	for _, want := range []string{"catalog file", "mariadb-10.11", "mariadb-10.5"} {
		if !strings.Contains(hint, want) {
			t.Errorf("hint is %q, want it to contain %q", hint, want)
		}
	}
}

// TestRetiredSuiteWithoutItsFixes: packages that the archive of security fixes has lost are
// taken from the last release of a suite whose support ended, and only then.
func TestRetiredSuiteWithoutItsFixes(t *testing.T) {
	command := fakeDebian(t, `
		for source in "$@"; do case "$source" in *-security\ main)
			echo "Err:43 http://security.debian.org mariadb-backup" >&2
			echo "  404  Not Found [IP: 192.0.2.1 80]" >&2
			exit 25
		esac; done
		echo "sluice: packages 214" >&2
		printf "the tar"`)
	for suite, want := range map[string]string{
		"bullseye": "Assembling mariadb from Debian bullseye\n" +
			"W: the archive of security fixes of Debian bullseye no longer has all packages; mariadb is made of its last release, without the fixes after that\n" +
			"Assembling mariadb from Debian bullseye\nAssembled mariadb: 214 packages",
		"bookworm": "Assembling mariadb from Debian bookworm\n",
	} {
		img := debianImage("mariadb")
		img.Debian.Suite = suite
		_, log, err := ensure(t, images.New(&memoryStore{}, images.Options{Command: command}), img)
		if !strings.HasPrefix(log, want) || strings.Count(log, "\n") != strings.Count(want, "\n")+strings.Count(want, " 214 ") {
			t.Errorf("%s: the log is\n%swant\n%s", suite, log, want)
		}
		if complete := err == nil; complete != (suite == "bullseye") {
			t.Errorf("%s: error %v", suite, err)
		}
	}
}
