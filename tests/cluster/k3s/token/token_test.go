package token

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kiln.test/k3s/pki"
)

func TestParse(t *testing.T) {
	hash := strings.Repeat("a", 64)
	for _, c := range []struct{ text, hash, user, password, bootstrap, err string }{
		{"secret", "", "", "secret", "", ""},
		{"K10" + hash + "::server:secret", hash, "server", "secret", "", ""},
		{"K10" + hash + "::node:a:b::c", hash, "node", "a:b::c", "", ""},
		{"K10" + hash + "::abcdef.0123456789abcdef", hash, "", "", "abcdef.0123456789abcdef", ""},
		{"abcdef.0123456789abcdef", "", "", "", "abcdef.0123456789abcdef", ""},
		{"", "", "", "", "", "token must not be empty"},
		{"K10abc::server:x", "", "", "", "", "invalid token CA hash length"},
		{"K10" + hash + "::server:", "", "", "", "", "invalid token format"},
		{"K10" + hash, "", "", "", "", "invalid token format"},
	} {
		got, err := Parse(c.text)
		if err != nil || c.err != "" {
			if err == nil || err.Error() != c.err {
				t.Errorf("%q: error %v, not %q", c.text, err, c.err)
			}
			continue
		}
		if *got != (Token{c.hash, c.user, c.password, c.bootstrap}) {
			t.Errorf("%q: %+v", c.text, *got)
		}
	}
}

func TestHashOfOneIsOfItsBytes(t *testing.T) {
	base := filepath.Join(t.TempDir(), "ca")
	ca, made, err := pki.EnsureCA(base, "x")
	if err != nil || !made {
		t.Fatal(err)
	}
	sum := sha256.Sum256(ca.Bundle)
	if got, _ := HashCA(ca.Bundle); got != hex.EncodeToString(sum[:]) {
		t.Error("not the digest of the PEM text")
	}
	full, err := Format("server:x", ca.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := Parse(full)
	if err != nil || tok.Check(ca.Bundle) != nil {
		t.Error(err)
	}
	if tok.Check(append(ca.Bundle, '\n')) == nil {
		t.Error("one more newline must change the digest, as with K3s")
	}
	if again, made, err := pki.EnsureCA(base, "y"); err != nil || made || string(again.Bundle) != string(ca.Bundle) {
		t.Error("a CA that is there must stay")
	}
	if _, err := os.Stat(base + ".key"); err != nil {
		t.Error(err)
	}
}
