package configcmd

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
)

// digested are the files whose keys Digest lists.
func digested() []string { return []string{"app/etc/config.php", "app/etc/env.php"} }

// Digest prints a line for each value of config.php and env.php: the file, the path of its keys
// and a digest, separated by tabs. Two runs with the same secret can be compared; a value cannot
// be guessed from its digest without the secret, and no value is printed. A file that does not
// exist has no lines.
func Digest(w io.Writer, k *kit.Kit, secret string) error {
	out := bufio.NewWriter(w)
	for _, name := range digested() {
		if !k.Tree.Exists(name) {
			continue
		}
		a, err := k.PHPFile(name).Read()
		if err != nil {
			return err
		}
		digestArray(out, name, nil, a, secret)
	}
	return out.Flush()
}

func digestArray(w io.Writer, file string, at []string, a *phparray.Array, secret string) {
	for key, value := range a.All() {
		path := slices.Concat(at, []string{oneLine(key.String())})
		if sub, ok := value.(*phparray.Array); ok && sub.Len() > 0 {
			digestArray(w, file, path, sub, secret)
			continue
		}
		mac := hmac.New(sha256.New, []byte(secret))
		_, _ = fmt.Fprintf(mac, "%T %s", value, phparray.String(value))                                             // a hash does not fail
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", file, strings.Join(path, "/"), hex.EncodeToString(mac.Sum(nil)[:16])) // the Flush says
	}
}

// oneLine keeps a key in its field.
func oneLine(key string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return '?'
		}
		return r
	}, key)
}
