// Package token reads and writes K3s' join tokens:
// `K10<sha256 of the CA>::<user>:<password>`, `K10<…>::<id>.<secret>`
// (a bootstrap token) or a bare password, which checks no CA.
package token

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"kiln.test/k3s/pki"
)

var bootstrap = regexp.MustCompile(`^[a-z0-9]{6}\.[a-z0-9]{16}$`)

// Token is a parsed join token.
type Token struct {
	CAHash    string // 64 hex digits, or empty: unchecked
	User      string // "server", "node" or empty
	Password  string
	Bootstrap string // id.secret, instead of user and password
}

// Parse takes any of the forms apart.
func Parse(text string) (*Token, error) {
	if text == "" {
		return nil, errors.New("token must not be empty")
	}
	t := &Token{}
	creds := text
	if rest, full := strings.CutPrefix(text, "K10"); full {
		hash, after, ok := strings.Cut(rest, "::")
		if !ok {
			return nil, errors.New("invalid token format")
		}
		if hash != "" && len(hash) != 2*sha256.Size {
			return nil, errors.New("invalid token CA hash length")
		}
		t.CAHash, creds = hash, after
	} else if !bootstrap.MatchString(text) {
		t.Password = text
		return t, nil
	}
	if bootstrap.MatchString(creds) {
		t.Bootstrap = creds
		return t, nil
	}
	user, password, ok := strings.Cut(creds, ":")
	if !ok || password == "" {
		return nil, errors.New("invalid token format")
	}
	t.User, t.Password = user, password
	return t, nil
}

// Format writes the full form for credentials and a CA bundle.
func Format(creds string, bundle []byte) (string, error) {
	hash, err := HashCA(bundle)
	if err != nil {
		return "", err
	}
	return "K10" + hash + "::" + creds, nil
}

// HashCA is the digest in a token: of the very PEM bytes when the bundle is
// one certificate, otherwise of the DER of the root that the first leads to.
func HashCA(bundle []byte) (string, error) {
	certs, err := pki.ParseCerts(bundle)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(bundle)
	if len(certs) > 1 {
		roots, mids := x509.NewCertPool(), x509.NewCertPool()
		for _, c := range certs[1:] {
			if len(c.AuthorityKeyId) == 0 || bytes.Equal(c.AuthorityKeyId, c.SubjectKeyId) {
				roots.AddCert(c)
			} else {
				mids.AddCert(c)
			}
		}
		opts := x509.VerifyOptions{Roots: roots, Intermediates: mids}
		if chains, err := certs[0].Verify(opts); err == nil {
			sum = sha256.Sum256(chains[0][len(chains[0])-1].Raw)
		}
	}
	return hex.EncodeToString(sum[:]), nil
}

// Check compares a token's digest with a bundle; a token without one passes.
func (t *Token) Check(bundle []byte) error {
	if t.CAHash == "" {
		return nil
	}
	hash, err := HashCA(bundle)
	if err != nil {
		return err
	}
	if hash != t.CAHash {
		return fmt.Errorf("token CA hash does not match the Cluster CA certificate hash: %s != %s",
			t.CAHash, hash)
	}
	return nil
}
