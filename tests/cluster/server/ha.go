package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"

	"kiln.test/k3s/agent"
	"kiln.test/k3s/pki"
)

// bootstrapData is what a second server needs of the first: the CAs with
// their keys, and where etcd is. K3s keeps the same files in the datastore,
// encrypted with the token; here they travel over TLS only.
type bootstrapData struct {
	Files  map[string][]byte
	Etcd   string // client URL of the first server's member
	Config map[string]any
}

var sharedFiles = []string{"server-ca.crt", "server-ca.key", "client-ca.crt", "client-ca.key",
	"request-header-ca.crt", "request-header-ca.key", "service.key",
	"etcd/server-ca.crt", "etcd/server-ca.key", "etcd/peer-ca.crt", "etcd/peer-ca.key"}

// serverBootstrap answers a joining server; only the server token opens it.
func (sup *supervisor) serverBootstrap(w http.ResponseWriter, r *http.Request) {
	srv := sup.srv
	if !srv.s.etcdMode {
		sendError(w, r, http.StatusBadRequest, errors.New("etcd disabled"))
		return
	}
	data := bootstrapData{Files: map[string][]byte{}, Etcd: srv.etcd.clientURL(), Config: srv.s.critical()}
	for _, name := range sharedFiles {
		text, err := os.ReadFile(srv.s.tls(name))
		if err != nil {
			sendError(w, r, http.StatusInternalServerError, err)
			return
		}
		data.Files[name] = text
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(data)
}

// critical are the options that all servers must agree on.
func (s *settings) critical() map[string]any {
	return map[string]any{
		"ClusterIPRanges":       strings.Join(s.clusterCIDRs, ","),
		"ServiceIPRanges":       strings.Join(s.serviceCIDRs, ","),
		"ClusterDNSs":           strings.Join(s.clusterDNS, ","),
		"ClusterDomain":         s.o.Str("cluster-domain"),
		"DisableCCM":            s.o.Bool("disable-cloud-controller"),
		"DisableHelmController": s.o.Bool("disable-helm-controller"),
		"DisableNPC":            s.o.Bool("disable-network-policy"),
		"DisableServiceLB":      strings.Contains(strings.Join(s.o.List("disable"), ","), "servicelb"),
		"EncryptSecrets":        s.o.Bool("secrets-encryption"),
		"EmbeddedRegistry":      s.o.Bool("embedded-registry"),
		"FlannelBackend":        s.o.Str("flannel-backend"),
		"EgressSelectorMode":    s.o.Str("egress-selector-mode"),
	}
}

// joinServer takes over the first server's CAs before anything is made here,
// and remembers where its etcd is. A server that has joined before does nothing.
func joinServer(ctx context.Context, s *settings) (etcd string, err error) {
	first := s.o.Str("server")
	if first == "" || exists(filepath.Join(s.data, "db", "etcd", "member")) {
		return "", nil
	}
	text, err := s.o.Token("token")
	if err != nil {
		return "", err
	}
	if text == "" {
		return "", errors.New("--token is required to join a cluster")
	}
	var data bootstrapData
	for {
		err = agent.Ask(ctx, first, text, "server", "/v1-k3s/server-bootstrap", &data)
		if err == nil {
			break
		}
		fmt.Fprintf(os.Stderr, "level=info msg=\"Waiting to join %s: %v\"\n", first, err)
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(time.Second):
		}
	}
	for name, value := range s.critical() {
		if !reflect.DeepEqual(data.Config[name], value) {
			return "", fmt.Errorf("critical configuration mismatched: %s: %v here, %v at %s", name, value, data.Config[name], first)
		}
	}
	for name, text := range data.Files {
		mode := os.FileMode(0o600)
		if strings.HasSuffix(name, ".crt") {
			mode = 0o644
		}
		if err := pki.WriteFile(s.tls(name), text, mode); err != nil {
			return "", err
		}
	}
	return data.Etcd, nil
}

// firstEtcd is a client of the etcd that this server joins.
func (e *etcdServer) firstEtcd() (*clientv3.Client, error) {
	s := e.s
	info := transport.TLSInfo{TrustedCAFile: s.tls("etcd", "server-ca.crt"),
		CertFile: s.tls("etcd", "client.crt"), KeyFile: s.tls("etcd", "client.key")}
	cfg, err := info.ClientConfig()
	if err != nil {
		return nil, err
	}
	return clientv3.New(clientv3.Config{Endpoints: []string{e.join}, TLS: cfg, DialTimeout: 10 * time.Second})
}

// addMember announces this server to the first one's etcd and returns the
// list of members to start with. As with K3s it is a learner at first: a
// voter that does not come up would cost a single server its majority.
func (e *etcdServer) addMember(name string, peer url.URL) (string, error) {
	cli, err := e.firstEtcd()
	if err != nil {
		return "", err
	}
	defer cli.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	resp, err := cli.MemberAddAsLearner(ctx, []string{peer.String()})
	for errors.Is(err, rpctypes.ErrTooManyLearners) { // another server joins just now
		time.Sleep(200 * time.Millisecond)
		resp, err = cli.MemberAddAsLearner(ctx, []string{peer.String()})
	}
	if err != nil {
		return "", err
	}
	var list []string
	for _, m := range resp.Members {
		member := m.Name
		if m.ID == resp.Member.ID {
			member = name
		}
		for _, u := range m.PeerURLs {
			list = append(list, member+"="+u)
		}
	}
	return strings.Join(list, ","), nil
}

// promote makes a voter of this member as soon as it has caught up.
func (e *etcdServer) promote(id uint64) error {
	cli, err := e.firstEtcd()
	if err != nil {
		return err
	}
	defer cli.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	for {
		if _, err = cli.MemberPromote(ctx, id); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("member %x is still a learner: %w", id, err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}
