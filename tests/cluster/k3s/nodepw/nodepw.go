// Package nodepw hashes node passwords the way K3s keeps them in Secrets:
// `$1:<salt hex>:15:8:1:<base64 of the 64-byte scrypt key>`.
package nodepw

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/scrypt"
)

const (
	logN   = 15
	blockR = 8
	parP   = 1
	keyLen = 64
)

// ErrMismatch says that the password is not the one that was hashed.
var ErrMismatch = errors.New("hash does not match")

// Hash makes a new salted hash.
func Hash(password string) (string, error) {
	salt := make([]byte, 8)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	key, err := scrypt.Key([]byte(password), salt, 1<<logN, blockR, parP, keyLen)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("$1:%x:%d:%d:%d:%s", salt, logN, blockR, parP,
		base64.RawStdEncoding.EncodeToString(key)), nil
}

// Verify checks a password against a hash made by Hash or by K3s.
func Verify(hash, password string) error {
	parts := strings.Split(hash, ":")
	if len(parts) != 6 || parts[0] != "$1" {
		return fmt.Errorf("not a version 1 hash")
	}
	salt, err := hex.DecodeString(parts[1])
	if err != nil {
		return err
	}
	var n uint
	var r, p int
	if _, err := fmt.Sscan(parts[2]+" "+parts[3]+" "+parts[4], &n, &r, &p); err != nil || n > 20 {
		return fmt.Errorf("bad cost in hash")
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil {
		return err
	}
	got, err := scrypt.Key([]byte(password), salt, 1<<n, r, p, len(want))
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(got, want) != 1 {
		return ErrMismatch
	}
	return nil
}

// SecretName names the Secret in kube-system that holds a node's hash.
func SecretName(node string) string {
	return strings.ToLower(node + ".node-password.k3s")
}
