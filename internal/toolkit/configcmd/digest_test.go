package configcmd_test

import (
	"bytes"
	"strings"
	"testing"

	"sluice/internal/toolkit/configcmd"
	"sluice/internal/toolkit/toolkittest"
)

func TestDigestNamesKeysAndNoValues(t *testing.T) {
	t.Parallel()
	const files = `-- app/etc/config.php --
<?php return ['modules' => ['A' => 1, 'B' => 0]];
-- app/etc/env.php --
<?php return ['crypt' => ['key' => 'hunter2'], 'db' => ['connection' => ['default' => ['host' => 'database.internal', 'options' => []]]], "a\tb" => null];
`
	w := toolkittest.New(t, files)
	digest := func(secret string) string {
		t.Helper()
		var out bytes.Buffer
		if err := configcmd.Digest(&out, w.Kit, secret); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	first := digest("one")
	var keys []string
	for line := range strings.Lines(first) {
		file, rest, _ := strings.Cut(line, "\t")
		key, value, _ := strings.Cut(rest, "\t")
		if len(value) != 33 {
			t.Errorf("the digest in %q has another length", line)
		}
		keys = append(keys, file+" "+key)
	}
	want := "app/etc/config.php modules/A, app/etc/config.php modules/B, app/etc/env.php crypt/key, app/etc/env.php db/connection/default/host, " +
		"app/etc/env.php db/connection/default/options, app/etc/env.php a?b"
	if got := strings.Join(keys, ", "); got != want {
		t.Errorf("keys:\n%s\nwant\n%s", got, want)
	}
	if strings.Contains(first, "hunter2") || strings.Contains(first, "database.internal") {
		t.Errorf("a value is printed:\n%s", first)
	}
	if again := digest("one"); again != first {
		t.Errorf("the same secret gives another result:\n%s\n%s", first, again)
	}
	if other := digest("two"); other == first {
		t.Error("another secret gives the same result")
	}
}

func TestDigestOfNothing(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := configcmd.Digest(&out, toolkittest.New(t, "").Kit, "s"); err != nil || out.Len() > 0 {
		t.Errorf("%q, %v", out.String(), err)
	}
}
