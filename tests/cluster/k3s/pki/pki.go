// Package pki loads or makes certificate authorities and signs leaves from
// them, with files of the form K3s keeps: EC P-256 keys, PEM, a CA file
// that may hold a chain of which the first certificate signs.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// CA is a signing certificate with the chain it was found in.
type CA struct {
	Cert   *x509.Certificate
	Key    crypto.Signer
	Bundle []byte // the PEM file as it stands on disk
}

// Leaf describes a certificate to sign.
type Leaf struct {
	CN     string
	Org    []string
	Usage  []x509.ExtKeyUsage
	DNS    []string
	IPs    []net.IP
	Expire time.Time // zero: a year from now
}

// EnsureCA loads `<base>.crt` and `.key`, or makes a self-signed pair. An
// existing pair, custom or not, is never changed. made says which it was.
func EnsureCA(base, name string) (ca *CA, made bool, err error) {
	crt, key := base+".crt", base+".key"
	if _, err := os.Stat(crt); os.IsNotExist(err) {
		if err := makeCA(crt, key, name); err != nil {
			return nil, false, err
		}
		made = true
	}
	ca, err = LoadCA(crt, key)
	return ca, made, err
}

// LoadCA reads a CA whose first certificate must belong to the key.
func LoadCA(crt, key string) (*CA, error) {
	bundle, err := os.ReadFile(crt)
	if err != nil {
		return nil, err
	}
	certs, err := ParseCerts(bundle)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", crt, err)
	}
	signer, err := LoadKey(key)
	if err != nil {
		return nil, err
	}
	type equaler interface{ Equal(crypto.PublicKey) bool }
	if pub, ok := signer.Public().(equaler); !ok || !pub.Equal(certs[0].PublicKey) {
		return nil, fmt.Errorf("%s: the key does not belong to the first certificate", crt)
	}
	if !certs[0].IsCA {
		return nil, fmt.Errorf("%s: the first certificate is not a CA", crt)
	}
	return &CA{Cert: certs[0], Key: signer, Bundle: bundle}, nil
}

func makeCA(crt, keyFile, name string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	tmpl := &x509.Certificate{
		SerialNumber:          big.NewInt(0),
		Subject:               pkix.Name{CommonName: fmt.Sprintf("%s@%d", name, now.Unix())},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(3650 * 24 * time.Hour),
		KeyUsage:              x509.KeyUsageKeyEncipherment | x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return err
	}
	if err := writeKey(keyFile, key); err != nil {
		return err
	}
	return WriteFile(crt, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644)
}

// Sign makes a certificate for a public key and returns it as PEM with the
// CA's bundle behind it, which is how K3s hands certificates out.
func (ca *CA) Sign(pub crypto.PublicKey, l Leaf) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 62))
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	tmpl := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: l.CN, Organization: l.Org},
		NotBefore:    ca.Cert.NotBefore,
		NotAfter:     now.Add(365 * 24 * time.Hour),
		KeyUsage:     x509.KeyUsageKeyEncipherment | x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  l.Usage,
		DNSNames:     l.DNS,
		IPAddresses:  l.IPs,
	}
	if !l.Expire.IsZero() {
		tmpl.NotAfter = l.Expire
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, ca.Cert, pub, ca.Key)
	if err != nil {
		return nil, err
	}
	out := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return append(out, ca.Bundle...), nil
}

// EnsureLeaf signs `<base>.crt` for `<base>.key`, making the key if need be.
// It signs anew at each start, as K3s does for a leaf that is running out.
func (ca *CA) EnsureLeaf(base string, l Leaf) error {
	key, err := EnsureKey(base + ".key")
	if err != nil {
		return err
	}
	out, err := ca.Sign(key.Public(), l)
	if err != nil {
		return err
	}
	return WriteFile(base+".crt", out, 0o644)
}

// EnsureKey loads an EC key or makes one.
func EnsureKey(file string) (crypto.Signer, error) {
	if _, err := os.Stat(file); err == nil {
		return LoadKey(file)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return key, writeKey(file, key)
}

// EnsureServiceKey loads service.key or makes one, RSA in PKCS#1 text.
func EnsureServiceKey(file string) error {
	if _, err := os.Stat(file); err == nil {
		_, err = LoadKey(file)
		return err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	return WriteFile(file, pem.EncodeToMemory(block), 0o600)
}

func writeKey(file string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}

// LoadKey reads the first private key of a PEM file, in any usual form.
func LoadKey(file string) (crypto.Signer, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			return nil, fmt.Errorf("%s: no private key in it", file)
		}
		text = rest
		switch block.Type {
		case "EC PRIVATE KEY":
			return x509.ParseECPrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			return x509.ParsePKCS1PrivateKey(block.Bytes)
		case "PRIVATE KEY":
			key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil {
				return nil, err
			}
			return key.(crypto.Signer), nil
		}
	}
}

// ParseCerts reads all certificates of a PEM text; without one the error is in K3s' words.
func ParseCerts(text []byte) ([]*x509.Certificate, error) {
	var ret []*x509.Certificate
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		text = rest
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		ret = append(ret, c)
	}
	if len(ret) == 0 {
		return nil, errors.New("data does not contain any valid RSA or ECDSA certificates")
	}
	return ret, nil
}

// WriteFile replaces a file whole, so that a reader never sees half of it.
func WriteFile(file string, data []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	tmp := file + ".tmp"
	if err := os.WriteFile(tmp, data, mode); err != nil {
		return err
	}
	if err := os.Chmod(tmp, mode); err != nil {
		return err
	}
	return os.Rename(tmp, file)
}

// EncodeCert writes one certificate as PEM.
func EncodeCert(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}
