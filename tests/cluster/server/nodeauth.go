package main

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kiln.test/k3s/nodepw"
	"kiln.test/k3s/pki"
)

// joinLimit is K3s' cap on joining agents: 20 reads and 10 writes at a time,
// whatever they ask for; the next one gets 429 and comes back.
type joinLimit struct{ reads, writes chan struct{} }

func newJoinLimit() joinLimit {
	return joinLimit{make(chan struct{}, 20), make(chan struct{}, 10)}
}

func (l joinLimit) limit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		slots := l.writes
		if r.Method == http.MethodGet {
			slots = l.reads
		}
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			next.ServeHTTP(w, r)
		default:
			w.Header().Set("Retry-After", "1")
			sendError(w, r, http.StatusTooManyRequests, errors.New("too many requests"))
		}
	})
}

// need lets a request pass that has one of the groups, 401 otherwise.
func (sup *supervisor) need(groups []string, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, have := sup.identify(r)
		for _, g := range have {
			if slices.Contains(groups, g) {
				next(w, r)
				return
			}
		}
		if have == nil {
			sendError(w, r, http.StatusUnauthorized, errors.New("not authorized"))
			return
		}
		sendError(w, r, http.StatusForbidden, errors.New("forbidden"))
	})
}

// identify finds name and groups: a password, a bootstrap token or a
// certificate of the client CA.
func (sup *supervisor) identify(r *http.Request) (string, []string) {
	if name, pass, ok := r.BasicAuth(); ok {
		return name, sup.srv.users.groups(name, pass)
	}
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return "bootstrap", sup.bootstrapGroups(r.Context(), bearer)
	}
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return "", nil
	}
	cert := r.TLS.PeerCertificates[0]
	mids := x509.NewCertPool()
	for _, c := range r.TLS.PeerCertificates[1:] {
		mids.AddCert(c)
	}
	_, err := cert.Verify(x509.VerifyOptions{Roots: sup.clientCA, Intermediates: mids,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err != nil {
		return "", nil
	}
	return cert.Subject.CommonName, cert.Subject.Organization
}

// bootstrapGroups checks a token of `k3s token create` kind: a Secret
// bootstrap-token-<id>; an expired one is removed by the real tokencleaner.
func (sup *supervisor) bootstrapGroups(ctx context.Context, bearer string) []string {
	id, secret, ok := strings.Cut(bearer, ".")
	if !ok {
		return nil
	}
	sec, err := sup.srv.client.CoreV1().Secrets(metav1.NamespaceSystem).Get(ctx, "bootstrap-token-"+id, metav1.GetOptions{})
	if err != nil || string(sec.Data["token-secret"]) != secret ||
		string(sec.Data["usage-bootstrap-authentication"]) != "true" {
		return nil
	}
	return []string{"system:bootstrappers"}
}

// nodeName checks who asks for which node: header against certificate, and
// the node password against the Secret, which the first asker creates.
func (sup *supervisor) nodeName(r *http.Request) (string, int, error) {
	name := strings.ToLower(r.Header.Get("k3s-Node-Name"))
	pass := r.Header.Get("k3s-Node-Password")
	if name == "" {
		return "", http.StatusBadRequest, errors.New("node name not set")
	}
	if pass == "" {
		return "", http.StatusBadRequest, errors.New("node password not set")
	}
	who, groups := sup.identify(r)
	if slices.Contains(groups, "system:nodes") && who != "system:node:"+name {
		return "", http.StatusBadRequest, errors.New("header node name does not match auth node name")
	}
	if sup.api.Load() == nil {
		return "", http.StatusServiceUnavailable, errors.New("runtime core not ready")
	}
	if err := ensureNodePassword(r.Context(), sup.srv, name, pass); err != nil {
		return "", http.StatusForbidden, err
	}
	return name, http.StatusOK, nil
}

func ensureNodePassword(ctx context.Context, srv *server, node, pass string) error {
	secrets := srv.client.CoreV1().Secrets(metav1.NamespaceSystem)
	have, err := secrets.Get(ctx, nodepw.SecretName(node), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		hash, err := nodepw.Hash(pass)
		if err != nil {
			return err
		}
		immutable := true
		_, err = secrets.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: nodepw.SecretName(node)},
			Immutable:  &immutable,
			Data:       map[string][]byte{"hash": []byte(hash)},
		}, metav1.CreateOptions{})
		return err
	}
	if err != nil {
		return err
	}
	if err := nodepw.Verify(string(have.Data["hash"]), pass); err != nil {
		return fmt.Errorf("unable to verify password for node %s: %w", node, err)
	}
	return nil
}

func (sup *supervisor) clientKubelet(w http.ResponseWriter, r *http.Request) {
	name, code, err := sup.nodeName(r)
	if err != nil {
		sendError(w, r, code, err)
		return
	}
	sup.sign(w, r, sup.srv.ca.client, pki.Leaf{CN: "system:node:" + name,
		Org: []string{"system:nodes"}, Usage: clientUse})
}

func (sup *supervisor) servingKubelet(w http.ResponseWriter, r *http.Request) {
	name, code, err := sup.nodeName(r)
	if err != nil {
		sendError(w, r, code, err)
		return
	}
	leaf := pki.Leaf{CN: name, Usage: serverUse, DNS: []string{name, "localhost"},
		IPs: []net.IP{net.IPv4(127, 0, 0, 1)}}
	if list := r.Header.Get("k3s-Node-IP"); list != "" {
		for _, text := range strings.Split(list, ",") {
			ip := net.ParseIP(text)
			if ip == nil {
				sendError(w, r, http.StatusInternalServerError, fmt.Errorf("invalid node IP address %s", text))
				return
			}
			leaf.IPs = append(leaf.IPs, ip)
		}
	}
	sup.sign(w, r, sup.srv.ca.server, leaf)
}

func (sup *supervisor) clientCert(cn string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		sup.sign(w, r, sup.srv.ca.client, pki.Leaf{CN: cn, Usage: clientUse})
	}
}

// sign answers a POSTed certificate request (DER) with certificate and
// chain. K3s also serves a shared key to clients without a request; no agent
// since 2022 asks for that, and neither does this one.
func (sup *supervisor) sign(w http.ResponseWriter, r *http.Request, ca *pki.CA, leaf pki.Leaf) {
	pub, err := requestedKey(r)
	if err != nil {
		sendError(w, r, http.StatusBadRequest, err)
		return
	}
	leaf.Expire = past(sup.srv.scenario.get().Certs.Kubelet)
	out, err := ca.Sign(pub, leaf)
	if err != nil {
		sendError(w, r, http.StatusInternalServerError, err)
		return
	}
	_, _ = w.Write(out)
}

func requestedKey(r *http.Request) (crypto.PublicKey, error) {
	if r.Method != http.MethodPost {
		return nil, errors.New("a certificate signing request must be posted")
	}
	der, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
	if err != nil {
		return nil, err
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, err
	}
	return csr.PublicKey, csr.CheckSignature()
}

// apiservers lists the servers' addresses, from the `kubernetes` endpoints.
func (sup *supervisor) apiservers(w http.ResponseWriter, r *http.Request) {
	list := []string{}
	found, err := sup.srv.client.DiscoveryV1().EndpointSlices("default").List(r.Context(),
		metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=kubernetes"})
	if err == nil {
		for _, sl := range found.Items {
			for _, ep := range sl.Endpoints {
				for _, a := range ep.Addresses {
					list = append(list, net.JoinHostPort(a, fmt.Sprint(sup.srv.s.httpsPort)))
				}
			}
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(list)
}
