package gitserve_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/platform"
)

func TestPushCloneFetchAndDelete(t *testing.T) {
	f := newFixture(t, settings{})
	f.post = func(_ context.Context, _ platform.Push, out io.Writer) error {
		_, err := io.WriteString(out, "Redeploying environment main\n")
		return err
	}
	first := f.commit("a", "1")
	f.mustGit("tag", "v1")
	out := f.mustGit("push", "-o", "environment.status=active", "-o", "deploy.wait=a=b", "-o", "flag", f.url("write"), "main", "v1")
	if !strings.Contains(out, "remote: Redeploying environment main") {
		t.Errorf("the pusher read %s", out)
	}
	want := []platform.Push{{
		Project: "shop", Actor: platform.Actor{ID: "write", Name: "Jo"},
		Updates: []platform.RefUpdate{
			{Ref: "refs/heads/main", Old: platform.ZeroCommit, New: first},
			{Ref: "refs/tags/v1", Old: platform.ZeroCommit, New: first},
		},
		Options: map[string]string{"environment.status": "active", "deploy.wait": "a=b", "flag": ""},
	}}
	if diff := cmp.Diff(want, f.stored()); diff != "" {
		t.Error(diff)
	}

	clone := t.TempDir()
	f.mustGit("clone", "--quiet", f.url("read"), clone)
	second := f.commit("a", "2")
	f.mustGit("push", f.url("write"), "main", "main:feature/x")
	f.mustGit("-C", clone, "pull", "--quiet")
	if got := f.mustGit("-C", clone, "rev-parse", "HEAD"); got != second {
		t.Errorf("the clone has %s, want %s", got, second)
	}
	f.mustGit("push", f.url("write"), "--delete", "feature/x")
	last := f.stored()[2].Updates[0]
	if branch, ok := last.Branch(); !ok || branch != "feature/x" || !last.Deletes() || last.Old != second {
		t.Errorf("got %+v", last)
	}
	if out, err := f.git("push", f.url("write"), "--delete", "main"); err == nil || f.head("main") == "" {
		t.Errorf("the default branch was deleted: %s", out)
	}
}

func TestOldProtocolsWork(t *testing.T) {
	f := newFixture(t, settings{})
	head := f.commit("a", "1")
	for _, version := range []string{"0", "1", "2"} {
		f.mustGit("-c", "protocol.version="+version, "push", f.url("write"), "main:v"+version)
		if got := f.mustGit("-c", "protocol.version="+version, "ls-remote", f.url("read"), "refs/heads/v"+version); !strings.HasPrefix(got, head) {
			t.Errorf("version %s: got %q", version, got)
		}
	}
}

func TestARefusedPushStoresNothing(t *testing.T) {
	f := newFixture(t, settings{})
	f.pre = func(context.Context, platform.Push, io.Writer) error {
		return platform.Errorf(platform.CodeInvalid, ".magento.app.yaml:3:1: unknown key\nsecond line").WithHint("remove it")
	}
	f.commit("a", "1")
	out, err := f.git("push", f.url("write"), "main")
	if err == nil || f.head("main") != "" || len(f.stored()) != 0 {
		t.Fatalf("stored: %s", out)
	}
	for _, want := range []string{"remote: E: .magento.app.yaml:3:1: unknown key", "remote: E: second line", "remote:    remove it", "(pre-receive hook declined)"} {
		if !strings.Contains(out, want) {
			t.Errorf("the pusher did not read %q but\n%s", want, out)
		}
	}

	f.pre = func(context.Context, platform.Push, io.Writer) error {
		return errors.New("dial tcp 10.0.0.1: secret detail")
	}
	out, err = f.git("push", f.url("write"), "main")
	if err == nil || strings.Contains(out, "secret") || !strings.Contains(out, "nothing was stored") {
		t.Errorf("an internal error is shown as %s", out)
	}
}

// TestPushersSeeNoEscapes: findings quote what was pushed, also by someone else.
func TestPushersSeeNoEscapes(t *testing.T) {
	f := newFixture(t, settings{})
	f.pre = func(_ context.Context, _ platform.Push, out io.Writer) error {
		_, err := io.WriteString(out, "\x1b]0;title\a \x1b[31mred\n\x1b[2A")
		check(t, err)
		return platform.Errorf(platform.CodeInvalid, "key \u009b2J is not known")
	}
	f.commit("a", "1")
	out, _ := f.git("push", f.url("write"), "main")
	for _, want := range []string{"␛]0;title␇ \x1b[31mred\x1b[0m", "␛[2A", "E: key <U+009B>2J is not known"} {
		if !strings.Contains(out, want) {
			t.Errorf("the pusher did not read %q but %q", want, out)
		}
	}
}

func TestPreReceiveReadsTheQuarantine(t *testing.T) {
	f := newFixture(t, settings{})
	var content []byte
	f.pre = func(ctx context.Context, p platform.Push, _ io.Writer) error {
		if _, err := f.repos.Tree(ctx, p.Project, p.Updates[0].New, nil); err == nil {
			t.Error("the commit is there before it was accepted")
		}
		tree, err := f.repos.Tree(ctx, p.Project, p.Updates[0].New, p.Quarantine)
		if err != nil {
			return err
		}
		content, err = tree.ReadFile("app/.magento.app.yaml")
		return errors.Join(err, tree.Close())
	}
	f.commit("app/.magento.app.yaml", "name: app\n")
	f.mustGit("push", f.url("write"), "main")
	if string(content) != "name: app\n" || f.stored()[0].Quarantine != nil {
		t.Errorf("read %q; then the quarantine was %v", content, f.stored()[0].Quarantine)
	}
}

func TestTokensDecide(t *testing.T) {
	f := newFixture(t, settings{})
	f.commit("a", "1")
	for name, test := range map[string]struct {
		token, repository, service string
		status                     int
	}{
		"no token":          {"", "shop.git", "git-upload-pack", 401},
		"wrong token":       {"wrong", "shop.git", "git-upload-pack", 401},
		"wrong, no project": {"wrong", "nope.git", "git-upload-pack", 401},
		"stranger":          {"stranger", "shop.git", "git-upload-pack", 404},
		"no project":        {"read", "nope.git", "git-upload-pack", 404},
		"no suffix":         {"read", "shop", "git-upload-pack", 404},
		"dot dot":           {"read", "..%2Fshop.git", "git-upload-pack", 404},
		"reader writes":     {"read", "shop.git", "git-receive-pack", 403},
		"reader reads":      {"read", "shop.git", "git-upload-pack", 200},
		"dumb protocol":     {"read", "shop.git", "", 403},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.http.URL+"/"+test.repository+"/info/refs?service="+test.service, nil)
			check(t, err)
			if test.token != "" {
				req.Header.Set("Authorization", "Bearer "+test.token)
			}
			resp, err := f.http.Client().Do(req)
			check(t, err)
			defer func() { _ = resp.Body.Close() }()
			text, err := io.ReadAll(resp.Body)
			check(t, err)
			if resp.StatusCode != test.status {
				t.Errorf("got %s, want %d", resp.Status, test.status)
			}
			if (resp.Header.Get("WWW-Authenticate") != "") != (test.status == 401) {
				t.Errorf("got WWW-Authenticate %q", resp.Header.Get("WWW-Authenticate"))
			}
			if bytes.Contains(text, []byte("secret")) {
				t.Errorf("tells too much: %s", text)
			}
		})
	}
	out, err := f.git("push", f.url("read"), "main")
	if err == nil || !strings.Contains(out, "remote: your token may only read") || !strings.Contains(out, "remote: ask for a contributor's token") {
		t.Errorf("the pusher read %s", out)
	}
}

// TestEveryBranchIsAuthorized: one branch of a push that may not be pushed refuses all.
func TestEveryBranchIsAuthorized(t *testing.T) {
	f := newFixture(t, settings{})
	f.commit("a", "1")
	f.mustGit("push", f.url("dev"), "main:dev/x")
	out, err := f.git("push", f.url("dev"), "main:dev/y", "main")
	if err == nil || f.head("main") != "" || f.head("dev/y") != "" || len(f.stored()) != 1 {
		t.Errorf("stored: %s", out)
	}
	for _, want := range []string{"environment.push needs the role contributor on production environments of shop", "shop:production=contributor"} {
		if !strings.Contains(out, want) {
			t.Errorf("the pusher did not read %q but\n%s", want, out)
		}
	}
}

func TestCompressedRequests(t *testing.T) {
	f := newFixture(t, settings{})
	head := f.commit("a", "1")
	f.mustGit("push", f.url("write"), "main")
	var body bytes.Buffer
	zw := gzip.NewWriter(&body)
	_, err := io.WriteString(zw, "0014command=ls-refs\n0000")
	check(t, errors.Join(err, zw.Close()))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.url("read")+"/git-upload-pack", &body)
	check(t, err)
	req.Header.Set("Content-Encoding", "gzip")
	req.Header.Set("Content-Type", "application/x-git-upload-pack-request")
	req.Header.Set("Git-Protocol", "version=2")
	resp, err := f.http.Client().Do(req)
	check(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	check(t, err)
	if resp.StatusCode != http.StatusOK || !strings.Contains(string(text), head+" refs/heads/main") {
		t.Errorf("got %s %s", resp.Status, text)
	}
}
