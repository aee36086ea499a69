package cache

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tagged answers with what the request asks for in its query: tags by header, status and
// Cache-Control.
func tagged(asked *int) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		*asked++
		q := req.URL.Query()
		for _, name := range tagHeaders() {
			for _, list := range q[name] {
				w.Header().Add(name, list)
			}
		}
		w.Header().Set("Cache-Control", q.Get("cc"))
		w.Header().Set("Etag", `"1"`)
		status, err := strconv.Atoi(q.Get("status"))
		if err != nil {
			status = http.StatusOK
		}
		if req.Header.Get("If-None-Match") != "" {
			status = http.StatusNotModified
		}
		w.WriteHeader(status)
		if status == http.StatusOK {
			_, _ = w.Write([]byte("body"))
		}
	}
}

// see returns what the cache says of an answer, after it has looked for tags in it.
func (b box) see(req *http.Request, app http.HandlerFunc) string {
	b.t.Helper()
	resp := ask(b.rt, req, app).Result()
	_ = resp.Body.Close()
	for _, name := range tagHeaders() {
		if resp.Header[name] != nil {
			b.t.Errorf("%s %s: %s reached a visitor", req.Method, req.URL, name)
		}
	}
	return resp.Header.Get(ownHeader)
}

func TestTagsReachNobody(t *testing.T) {
	bubble(t, func(b box) {
		var asked int
		b.rt.rules.any = true
		for _, path := range []string{
			"/a?cc=max-age=60&X-Magento-Tags=x", "/a?cc=max-age=60&X-Magento-Tags=x", "/pass?cc=private&X-Magento-Tags=x",
			"/error?status=500&Surrogate-Key=x", "/gone?status=404&cc=max-age=60&Cache-Tag=x",
		} {
			b.see(get(t.Context(), path), tagged(&asked))
		}
		bypassed := get(t.Context(), "/bypassed?Cache-Tag=x")
		bypassed.Header.Set("Cookie", "a=b")
		posted := get(t.Context(), "/posted?Cache-Tag=x")
		posted.Method = http.MethodPost
		if b.see(bypassed, tagged(&asked)) != "BYPASS" || b.see(posted, tagged(&asked)) != "BYPASS" || asked != 6 {
			t.Errorf("asked %d times", asked)
		}
	})
}

func TestTagsNameWhatIsPurged(t *testing.T) {
	pages := []string{
		"/a?cc=max-age=60&X-Magento-Tags=cat_c_3,cat_p,cat_p_12,FPC",
		"/b?cc=max-age=60&Surrogate-Key=cat_p_1+cms_b_3",
		"/c?cc=max-age=60&Cache-Tag=cat_p_12,other&Cache-Tag=+more++of,,them,",
		"/d?cc=max-age=60",
	}
	for _, tt := range []struct {
		tags []string
		want int
		left string // who is still there
	}{
		{[]string{"cat_p_1"}, 1, "acd"}, // no prefix of cat_p_12
		{[]string{"cat_p_12"}, 2, "bd"},
		{[]string{"more", "them"}, 1, "abd"},
		{[]string{"cat_c_3", "cms_b_3", "unknown"}, 2, "cd"},
		{[]string{"unknown"}, 0, "abcd"},
		{[]string{"CAT_P"}, 0, "abcd"},
		{nil, 0, "abcd"},
	} {
		bubble(t, func(b box) {
			var asked int
			for _, p := range pages {
				b.see(get(t.Context(), p), tagged(&asked))
			}
			if got := b.zone.PurgeTags(tt.tags); got != tt.want {
				t.Errorf("%v: removed %d, want %d", tt.tags, got, tt.want)
			}
			for _, p := range pages {
				if got := b.see(get(t.Context(), p), tagged(&asked)); (got == "HIT") != strings.Contains(tt.left, p[1:2]) {
					t.Errorf("%v: %s is %s", tt.tags, p, got)
				}
			}
		})
	}
}

func TestConfirmedAnswersKeepTheirTags(t *testing.T) {
	bubble(t, func(b box) {
		var asked int
		app := tagged(&asked)
		const page = "/a?cc=max-age=60&X-Magento-Tags=cat_p_12"
		ask(b.rt, get(t.Context(), page), app)
		time.Sleep(61 * time.Second)
		confirm := func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", "max-age=60")
			w.WriteHeader(http.StatusNotModified)
		}
		if got := ask(b.rt, get(t.Context(), page), confirm).Header().Get(ownHeader); got != "REVALIDATED" {
			t.Fatalf("it is %s", got)
		}
		if n := b.zone.PurgeTags([]string{"cat_p_12"}); n != 1 {
			t.Errorf("removed %d", n)
		}
	})
}

func TestAnswersThatArriveAfterAPurgeByTagAreNotKept(t *testing.T) {
	bubble(t, func(b box) {
		slow := func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Magento-Tags", "cat_p_12")
			time.Sleep(time.Second)
			_, _ = w.Write([]byte("outdated"))
		}
		done := make(chan struct{})
		go func() { defer close(done); ask(b.rt, get(context.WithoutCancel(t.Context()), "/slow"), slow) }()
		time.Sleep(500 * time.Millisecond)
		b.zone.PurgeTags([]string{"cat_p_12"})
		<-done
		if got := ask(b.rt, get(t.Context(), "/slow"), slow).Header().Get(ownHeader); got != "MISS" {
			t.Errorf("it is %s", got)
		}
	})
}

func TestTagsAreBounded(t *testing.T) {
	bubble(t, func(b box) {
		many := func(n int) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				var list strings.Builder
				for i := range n {
					fmt.Fprintf(&list, "cat_p_%d,", i)
				}
				w.Header().Set("X-Magento-Tags", list.String())
				_, _ = w.Write([]byte("listing"))
			}
		}
		ask(b.rt, get(t.Context(), "/fits"), many(maxTags))
		ask(b.rt, get(t.Context(), "/more"), many(maxTags+1))
		used := b.zone.used.Load()
		if used < 4*2*maxTags || used > 4*2*maxTags+8192 {
			t.Errorf("two answers with %d tags count as %d bytes", maxTags, used)
		}
		if n := b.zone.PurgeTags([]string{"unknown"}); n != 1 { // what was not kept may have been it
			t.Errorf("removed %d", n)
		}
		if n := b.zone.PurgeTags([]string{fmt.Sprint("cat_p_", maxTags-1)}); n != 1 || b.zone.used.Load() != 0 {
			t.Errorf("removed %d, %d bytes are left", n, b.zone.used.Load())
		}
	})
}

func BenchmarkPurgeByTag(b *testing.B) {
	c, err := New(Options{Memory: 1 << 30})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	z := c.NewZone()
	for i := range 10_000 {
		e := &entry{status: http.StatusOK}
		for j := range 300 {
			e.tags.add(c.store.seed, fmt.Sprint("cat_p_", i*7+j))
		}
		e.tags.sort()
		url := []byte(fmt.Sprint("/", i))
		q := c.store.ask(question{key: key{url: url}, req: get(b.Context(), "/"), zone: z})
		c.store.insert(&q, e, nil)
		c.store.asked(&q)
	}
	wanted := make([]string, 20)
	for i := range wanted {
		wanted[i] = fmt.Sprint("cms_b_", i)
	}
	for b.Loop() {
		z.PurgeTags(wanted)
	}
	b.ReportMetric(float64(z.used.Load())/10_000, "B/answer")
}
