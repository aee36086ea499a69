package manifest

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestLockFile(t *testing.T) {
	tests := map[string]struct{ text, magento, refused82 string }{
		"empty":         {"{}", "", ""},
		"no JSON":       {"<<<", "", ""},
		"odd":           {`{"packages": {"a": 1}, "platform": []}`, "", ""},
		"base":          {`{"packages": [{"name": "magento/product-community-edition", "version": "2.4.6-p2"}, {"name": "magento/magento2-base", "version": "2.4.6-p2"}]}`, "2.4.6-p2", ""},
		"distribution":  {`{"packages": [{"name": "x/y", "version": "1.0.0", "replace": {"magento/magento2-base": "2.4.7"}}]}`, "2.4.7", ""},
		"platform":      {`{"packages": [], "platform": {"php": "~8.1.0"}}`, "", "composer.json"},
		"package":       {`{"packages": [{"name": "x/y", "version": "v1", "require": {"php": ">=8.3"}}]}`, "", "x/y"},
		"exact release": {`{"packages": [{"name": "x/y", "version": "v1", "require": {"php": ">=8.2.7 <8.2.9"}}]}`, "", ""},
		"unreadable":    {`{"packages": [{"name": "x/y", "version": "v1", "require": {"php": "what?"}}]}`, "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := parseLock([]byte(tt.text))
			magento := ""
			if !l.magento.IsZero() {
				magento = short(l)
			}
			need, _ := l.refuses("8.2")
			if magento != tt.magento || need.subject != tt.refused82 {
				t.Errorf("got Magento %q, refused by %q", magento, need.subject)
			}
		})
	}
}

// TestOtherFilesAreNotHandedOn: a caller of Parse may send what it is handed to a server.
func TestOtherFilesAreNotHandedOn(t *testing.T) {
	fsys := tree(appFile, "name: app\ntype: php:8.2\n", "composer.json", "{}", "composer.lock", "{}", "auth.json", `{"http-basic": {}}`)
	var read []string
	opts := testOptions(t)
	opts.OnRead = func(name string, _ []byte) { read = append(read, name) }
	if Parse(fsys, opts); len(read) != 1 || read[0] != appFile {
		t.Errorf("handed on: %v", read)
	}
}

// TestHostileLockFiles allocate in proportion to their size.
func TestHostileLockFiles(t *testing.T) {
	for name, text := range map[string]string{
		"packages": `{"packages": [` + strings.TrimSuffix(strings.Repeat("{},", 2<<20), ",") + `]}`,
		"require":  `{"packages": [{"require": {` + strings.TrimSuffix(strings.Repeat(`"a":"b",`, 500_000), ",") + `}}]}`,
		"depth":    `{"packages": ` + strings.Repeat("[", 1<<20) + `}`,
		"size":     `{"x": "` + strings.Repeat("x", maxLockSize) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			fsys := fstest.MapFS{appFile: {Data: []byte("name: app\ntype: php:8.2\n")}, "composer.json": {Data: []byte("{}")}, "composer.lock": {Data: []byte(text)}}
			if m, found := parseBounded(t, fsys, testOptions(t)); m == nil {
				t.Errorf("got %v", found)
			}
		})
	}
}
