package pki

import (
	"encoding/base64"
	"fmt"
	"os"
)

// Kubeconfig is a kubeconfig of one cluster and one user, as K3s names them.
type Kubeconfig struct {
	Server         string
	CAFile         string
	CertFile       string
	KeyFile        string
	Embed          bool // the files' contents instead of their names
	User, Ctx, Cls string
}

// Write replaces a kubeconfig file.
func (k Kubeconfig) Write(file string, mode os.FileMode) error {
	field := func(name, path string) (string, error) {
		if !k.Embed {
			return name + ": " + path, nil
		}
		b, err := os.ReadFile(path)
		return name + "-data: " + base64.StdEncoding.EncodeToString(b), err
	}
	ca, err := field("certificate-authority", k.CAFile)
	if err != nil {
		return err
	}
	crt, err := field("client-certificate", k.CertFile)
	if err != nil {
		return err
	}
	key, err := field("client-key", k.KeyFile)
	if err != nil {
		return err
	}
	text := fmt.Sprintf(`apiVersion: v1
clusters:
- cluster:
    %s
    server: %s
  name: %s
contexts:
- context:
    cluster: %s
    user: %s
  name: %s
current-context: %s
kind: Config
preferences: {}
users:
- name: %s
  user:
    %s
    %s
`, ca, k.Server, k.Cls, k.Cls, k.User, k.Ctx, k.Ctx, k.User, crt, key)
	return WriteFile(file, []byte(text), mode)
}
