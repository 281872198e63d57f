package agent

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"kiln.test/k3s/pki"
	"kiln.test/k3s/token"
)

// joiner fetches what K3s' supervisor has for an agent.
type joiner struct {
	cfg    *Config
	lb     *balancer
	bundle []byte
	cred   *token.Token
	client *http.Client
	conf   serverConfig
}

// serverConfig is the part of /v1-k3s/config that an agent here acts on.
type serverConfig struct {
	ClusterIPRanges []string
	DisableCCM      bool
	FlannelBackend  string
}

// trust gets the cluster's CA and compares it with the token's digest. It
// goes on for ever, as K3s does: the server may not be up yet.
func (j *joiner) trust(ctx context.Context) error {
	var err error
	if j.cred, err = token.Parse(j.cfg.Token); err != nil {
		return err
	}
	for {
		if j.bundle, err = fetchCA(ctx, j.cfg.Server); err == nil {
			if err = j.cred.Check(j.bundle); err == nil {
				break
			}
		}
		logf("error", "failed to validate connection to cluster at %s: %v", j.cfg.Server, err)
		if err := pause(ctx, 2*time.Second); err != nil {
			return err
		}
	}
	if j.cred.CAHash == "" {
		logf("warning", "Cluster CA certificate is not trusted by the host CA bundle, but the token does not include a CA hash. "+
			"Use the full token from the server's node-token file to enable Cluster CA validation.")
	}
	j.client = pinned(j.bundle, nil)
	return nil
}

// fetchCA asks once without checking, and then again with what it got.
func fetchCA(ctx context.Context, server string) ([]byte, error) {
	open := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	bundle, err := get(ctx, open, server+"/cacerts", nil)
	if err != nil {
		return nil, fmt.Errorf("failed to get CA certs: %w", err)
	}
	if _, err := get(ctx, pinned(bundle, nil), server+"/cacerts", nil); err != nil {
		return nil, fmt.Errorf("CA cert validation failed: %w", err)
	}
	return bundle, nil
}

func pinned(bundle []byte, pair *tls.Certificate) *http.Client {
	cfg := &tls.Config{RootCAs: x509.NewCertPool()}
	cfg.RootCAs.AppendCertsFromPEM(bundle)
	if pair != nil {
		cfg.Certificates = []tls.Certificate{*pair}
	}
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: cfg, ForceAttemptHTTP2: true}}
}

// fetch gets configuration and certificates, again and again until it has them.
func (j *joiner) fetch(ctx context.Context) error {
	for {
		err := j.once(ctx)
		if err == nil {
			return nil
		}
		var he *httpError
		if errors.As(err, &he) && he.code == http.StatusForbidden && strings.Contains(he.text, "password") {
			logf("error", "Node password rejected, duplicate hostname or contents of '%s' may not match server "+
				"node-passwd entry, try enabling a unique node name with the --with-node-id flag", j.cfg.passFile)
		} else {
			logf("info", "Waiting to retrieve agent configuration; server is not ready: %v", err)
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

func (j *joiner) once(ctx context.Context) error {
	text, err := get(ctx, j.client, j.cfg.Server+"/v1-k3s/config", j.sign)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &j.conf); err != nil {
		return err
	}
	if err := j.certificate(ctx, "serving-kubelet"); err != nil {
		return err
	}
	if err := j.certificate(ctx, "client-kubelet"); err != nil {
		return err
	}
	for _, name := range []string{"client-kube-proxy", "client-k3s-controller"} {
		if err := j.certificate(ctx, name); err != nil {
			return err
		}
	}
	for _, name := range []string{"server-ca.crt", "client-ca.crt"} {
		text, err := get(ctx, j.client, j.cfg.Server+"/v1-k3s/"+name, j.sign)
		if err != nil {
			return err
		}
		if err := pki.WriteFile(filepath.Join(j.cfg.dir, name), text, 0o644); err != nil {
			return err
		}
	}
	if j.lb != nil {
		text, err := get(ctx, j.client, j.cfg.Server+"/v1-k3s/apiservers", j.sign)
		var list []string
		if err == nil && json.Unmarshal(text, &list) == nil {
			j.lb.add(list)
		}
	}
	return j.kubeconfigs()
}

// sign puts the credentials and the node's own password on a request.
func (j *joiner) sign(r *http.Request) {
	if j.cred.Bootstrap != "" {
		r.Header.Set("Authorization", "Bearer "+j.cred.Bootstrap)
	} else {
		user := j.cred.User
		if user == "" {
			user = "node"
		}
		r.SetBasicAuth(user, j.cred.Password)
	}
	r.Header.Set("k3s-Node-Name", j.cfg.Name)
	if pass, err := os.ReadFile(j.cfg.passFile); err == nil {
		r.Header.Set("k3s-Node-Password", strings.TrimSpace(string(pass)))
	}
	var ips []string
	for _, ip := range j.cfg.NodeIPs {
		ips = append(ips, ip.String())
	}
	r.Header.Set("k3s-Node-IP", strings.Join(ips, ","))
}

// certificate has a key of our own signed; the key never leaves the machine.
func (j *joiner) certificate(ctx context.Context, name string) error {
	base := filepath.Join(j.cfg.dir, name)
	key, err := pki.EnsureKey(base + ".key")
	if err != nil {
		return err
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, j.cfg.Server+"/v1-k3s/"+name+".crt", bytes.NewReader(der))
	if err != nil {
		return err
	}
	j.sign(req)
	text, err := do(j.client, req)
	if err != nil {
		return err
	}
	if _, err := pki.ParseCerts(text); err != nil {
		return fmt.Errorf("%s.crt: %w", name, err)
	}
	return pki.WriteFile(base+".crt", text, 0o644)
}

func (j *joiner) kubeconfigs() error {
	for file, cert := range map[string]string{"kubelet": "client-kubelet",
		"kubeproxy": "client-kube-proxy", "k3scontroller": "client-k3s-controller"} {
		k := pki.Kubeconfig{Server: j.cfg.APIURL, CAFile: filepath.Join(j.cfg.dir, "server-ca.crt"),
			CertFile: filepath.Join(j.cfg.dir, cert+".crt"), KeyFile: filepath.Join(j.cfg.dir, cert+".key"),
			User: "user", Ctx: "Default", Cls: "local"}
		if err := k.Write(filepath.Join(j.cfg.dir, file+".kubeconfig"), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// httpError is an answer that is not 2xx.
type httpError struct {
	code int
	text string
}

func (e *httpError) Error() string {
	return fmt.Sprintf("%d %s: %s", e.code, http.StatusText(e.code), e.text)
}

func get(ctx context.Context, c *http.Client, url string, sign func(*http.Request)) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	if sign != nil {
		sign(req)
	}
	return do(c, req)
}

func do(c *http.Client, req *http.Request) ([]byte, error) {
	resp, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		var status struct{ Message string }
		if json.Unmarshal(text, &status) == nil && status.Message != "" {
			text = []byte(status.Message)
		}
		return nil, &httpError{resp.StatusCode, strings.TrimSpace(string(text))}
	}
	return text, nil
}
