package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"
)

// supervisor is port 6443: K3s' own paths, and the API server for the rest.
type supervisor struct {
	srv      *server
	api      atomic.Pointer[http.Handler]
	cert     atomic.Pointer[tls.Certificate]
	clientCA *x509.CertPool
}

func newSupervisor(srv *server) *supervisor {
	sup := &supervisor{srv: srv, clientCA: x509.NewCertPool()}
	sup.clientCA.AppendCertsFromPEM(srv.ca.client.Bundle)
	return sup
}

// listen opens the port and serves in the background.
func (sup *supervisor) listen(ctx context.Context, failed chan<- error) error {
	s := sup.srv.s
	if err := sup.renewCert(time.Time{}); err != nil {
		return err
	}
	addr := net.JoinHostPort(s.o.Str("bind-address"), strconv.Itoa(s.httpsPort))
	lis, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	hs := &http.Server{
		Handler:  sup.spoil(sup.routes()),
		ErrorLog: log.New(discard{}, "", 0),
		TLSConfig: &tls.Config{
			ClientAuth: tls.RequestClientCert,
			ClientCAs:  sup.clientCA,
			NextProtos: []string{"h2", "http/1.1"},
			MinVersion: tls.VersionTLS12,
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
				return sup.cert.Load(), nil
			},
		},
	}
	go func() { failed <- wrap("supervisor", hs.ServeTLS(lis, "", "")) }()
	go func() { <-ctx.Done(); hs.Close() }()
	return nil
}

// renewCert signs the certificate of port 6443 anew.
func (sup *supervisor) renewCert(expire time.Time) error {
	s := sup.srv.s
	base := s.tls("serving-supervisor")
	if err := sup.srv.ca.server.EnsureLeaf(base, s.servingLeaf(expire)); err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(base+".crt", base+".key")
	if err != nil {
		return err
	}
	sup.cert.Store(&pair)
	return nil
}

func (sup *supervisor) serveAPI(h http.Handler) { sup.api.Store(&h) }

func (sup *supervisor) routes() http.Handler {
	mux := http.NewServeMux()
	s := sup.srv.s
	mux.HandleFunc("/ping", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprint(w, "pong")
	})
	mux.HandleFunc("/cacerts", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write(sup.srv.ca.server.Bundle)
	})
	mux.Handle("/static/", http.StripPrefix("/static/", http.FileServer(http.Dir(filepath.Join(s.data, "static")))))

	agent := []string{"k3s:agent", "k3s:server", "system:nodes", "system:bootstrappers"}
	joining := newJoinLimit()
	for path, h := range map[string]http.HandlerFunc{
		"readyz":                    sup.readyz,
		"config":                    sup.config,
		"apiservers":                sup.apiservers,
		"client-kubelet.crt":        sup.clientKubelet,
		"serving-kubelet.crt":       sup.servingKubelet,
		"client-kube-proxy.crt":     sup.clientCert("system:kube-proxy"),
		"client-k3s-controller.crt": sup.clientCert("system:k3s-controller"),
		"client-ca.crt":             sup.bundle(sup.srv.ca.client.Bundle),
		"server-ca.crt":             sup.bundle(sup.srv.ca.server.Bundle),
	} {
		mux.Handle("/v1-k3s/"+path, joining.limit(sup.need(agent, h)))
	}
	mux.Handle("/v1-k3s/server-bootstrap", sup.need([]string{"k3s:server"}, sup.serverBootstrap))
	mux.HandleFunc("/", sup.toAPI)
	return mux
}

// toAPI hands everything else to the API server, 503 until there is one.
func (sup *supervisor) toAPI(w http.ResponseWriter, r *http.Request) {
	h := sup.api.Load()
	if h == nil {
		sendError(w, r, http.StatusServiceUnavailable, errors.New("apiserver not ready"))
		return
	}
	(*h).ServeHTTP(w, r)
}

func (sup *supervisor) readyz(w http.ResponseWriter, r *http.Request) {
	if sup.api.Load() == nil {
		sendError(w, r, http.StatusServiceUnavailable, errors.New("runtime core not ready"))
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	fmt.Fprint(w, "ok")
}

// config is the part of K3s' agent configuration that agents here read.
func (sup *supervisor) config(w http.ResponseWriter, _ *http.Request) {
	s := sup.srv.s
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"ClusterIPRanges":       s.clusterCIDRs,
		"ServiceIPRanges":       s.serviceCIDRs,
		"ClusterDNSs":           s.clusterDNS,
		"ClusterDomain":         s.o.Str("cluster-domain"),
		"HTTPSPort":             s.httpsPort,
		"SupervisorPort":        s.httpsPort,
		"DisableCCM":            s.o.Bool("disable-cloud-controller"),
		"DisableKubeProxy":      s.o.Bool("disable-kube-proxy"),
		"DisableNPC":            s.o.Bool("disable-network-policy"),
		"FlannelBackend":        s.o.Str("flannel-backend"),
		"DisableHelmController": s.o.Bool("disable-helm-controller"),
		"EncryptSecrets":        s.o.Bool("secrets-encryption"),
	})
}

func (sup *supervisor) bundle(text []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write(text)
	}
}

// sendError answers as K3s does: a Status object with the reason as text.
func sendError(w http.ResponseWriter, _ *http.Request, code int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"kind": "Status", "apiVersion": "v1", "metadata": map[string]any{},
		"status": "Failure", "message": err.Error(),
		"reason": http.StatusText(code), "code": code,
	})
	if code >= 500 {
		fmt.Fprintf(os.Stderr, "level=error msg=%q\n", err.Error())
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
