package main

import (
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"time"

	"kiln.test/k3s/pki"
)

// authorities are the six CAs of a K3s server, custom or made here.
type authorities struct {
	server, client, header, etcdServer, etcdPeer *pki.CA
	custom                                       bool // server-ca was there before the first start
}

func loadAuthorities(s *settings) (*authorities, error) {
	a := &authorities{}
	for _, dir := range []string{s.tls("etcd"), s.cred(""), filepath.Join(s.data, "static"),
		filepath.Join(s.data, "manifests"), s.agentDir} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	var made bool
	for _, c := range []struct {
		to         **pki.CA
		file, name string
	}{
		{&a.server, s.tls("server-ca"), "k3s-server-ca"},
		{&a.client, s.tls("client-ca"), "k3s-client-ca"},
		{&a.header, s.tls("request-header-ca"), "k3s-request-header-ca"},
		{&a.etcdServer, s.tls("etcd", "server-ca"), "etcd-server-ca"},
		{&a.etcdPeer, s.tls("etcd", "peer-ca"), "etcd-peer-ca"},
	} {
		ca, fresh, err := pki.EnsureCA(c.file, c.name)
		if err != nil {
			return nil, err
		}
		*c.to = ca
		if c.to == &a.server {
			made = fresh
		}
	}
	a.custom = !made
	return a, pki.EnsureServiceKey(s.tls("service.key"))
}

var (
	clientUse = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	serverUse = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	bothUse   = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
)

// writeLeaves signs what the components and the administrator use.
func (a *authorities) writeLeaves(s *settings) error {
	masters := []string{"system:masters"}
	local := []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	ips := append(append(local, s.serviceIPs()...), s.nodeIPs...)
	for _, c := range []struct {
		ca   *pki.CA
		base string
		leaf pki.Leaf
	}{
		{a.client, s.tls("client-supervisor"), pki.Leaf{CN: "system:k3s-supervisor", Org: masters, Usage: clientUse}},
		{a.client, s.tls("client-controller"), pki.Leaf{CN: "system:kube-controller-manager", Usage: clientUse}},
		{a.client, s.tls("client-scheduler"), pki.Leaf{CN: "system:kube-scheduler", Usage: clientUse}},
		{a.client, s.tls("client-kube-apiserver"), pki.Leaf{CN: "system:apiserver", Org: masters, Usage: clientUse}},
		{a.client, s.tls("client-kube-proxy"), pki.Leaf{CN: "system:kube-proxy", Usage: clientUse}},
		{a.client, s.tls("client-k3s-controller"), pki.Leaf{CN: "system:k3s-controller", Usage: clientUse}},
		{a.header, s.tls("client-auth-proxy"), pki.Leaf{CN: "system:auth-proxy", Usage: clientUse}},
		{a.server, s.tls("serving-kube-apiserver"), pki.Leaf{CN: "kube-apiserver", Usage: serverUse, IPs: ips, DNS: s.dnsNames()}},
		{a.etcdServer, s.tls("etcd", "client"), pki.Leaf{CN: "etcd-client", Usage: clientUse}},
		{a.etcdServer, s.tls("etcd", "server-client"), pki.Leaf{CN: "etcd-server", Usage: bothUse, IPs: ips, DNS: []string{"localhost", s.nodeName}}},
		{a.etcdPeer, s.tls("etcd", "peer-server-client"), pki.Leaf{CN: "etcd-peer", Usage: bothUse, IPs: ips, DNS: []string{"localhost", s.nodeName}}},
	} {
		if err := c.ca.EnsureLeaf(c.base, c.leaf); err != nil {
			return err
		}
	}
	// The controller manager's signer wants one certificate, not a chain.
	return nochain(s.tls("client-ca.crt"), s.tls("client-ca.nochain.crt"), s.tls("server-ca.crt"), s.tls("server-ca.nochain.crt"))
}

func nochain(pairs ...string) error {
	for i := 0; i < len(pairs); i += 2 {
		text, err := os.ReadFile(pairs[i])
		if err != nil {
			return err
		}
		certs, err := pki.ParseCerts(text)
		if err != nil {
			return err
		}
		if err := pki.WriteFile(pairs[i+1], pki.EncodeCert(certs[0]), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (s *settings) dnsNames() []string {
	return []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc",
		"kubernetes.default.svc." + s.o.Str("cluster-domain"), "localhost", s.nodeName}
}

// servingLeaf is the certificate of port 6443; expire is a scenario's wish.
func (s *settings) servingLeaf(expire time.Time) pki.Leaf {
	l := pki.Leaf{CN: "k3s", Org: []string{"k3s"}, Usage: serverUse, DNS: s.dnsNames(), Expire: expire,
		IPs: append([]net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, s.serviceIPs()...)}
	l.IPs = append(l.IPs, s.nodeIPs...)
	for _, san := range s.o.List("tls-san") {
		if ip := net.ParseIP(san); ip != nil {
			l.IPs = append(l.IPs, ip)
		} else {
			l.DNS = append(l.DNS, san)
		}
	}
	return l
}

// writeKubeconfigs writes the components' kubeconfigs and k3s.yaml, which
// K3s rewrites at each start with the certificates embedded. What runs inside
// the server uses the supervisor's certificate, so that only k3s.yaml can expire.
func writeKubeconfigs(s *settings, a *authorities) error {
	for _, name := range []string{"supervisor", "controller", "scheduler"} {
		k := pki.Kubeconfig{Server: s.apiURL(), CAFile: s.tls("server-ca.crt"),
			CertFile: s.tls("client-" + name + ".crt"), KeyFile: s.tls("client-" + name + ".key"),
			User: "user", Ctx: "Default", Cls: "local"}
		if err := k.Write(s.cred(name+".kubeconfig"), 0o600); err != nil {
			return err
		}
	}
	return writeAdmin(s, a, time.Time{})
}

// writeAdmin writes k3s.yaml anew; a scenario may want its certificate expired.
func writeAdmin(s *settings, a *authorities, expire time.Time) error {
	leaf := pki.Leaf{CN: "system:admin", Org: []string{"system:masters"}, Usage: clientUse, Expire: expire}
	if err := a.client.EnsureLeaf(s.tls("client-admin"), leaf); err != nil {
		return err
	}
	mode := os.FileMode(0o600)
	if m := s.o.Str("write-kubeconfig-mode"); m != "" {
		var err error
		if mode, err = parseMode(m); err != nil {
			return err
		}
	}
	k := pki.Kubeconfig{Server: s.supervisorURL(), CAFile: s.tls("server-ca.crt"),
		CertFile: s.tls("client-admin.crt"), KeyFile: s.tls("client-admin.key"),
		Embed: true, User: "default", Ctx: "default", Cls: "default"}
	if err := os.MkdirAll(filepath.Dir(s.kubeconfig), 0o755); err != nil {
		return err
	}
	return k.Write(s.kubeconfig, mode)
}
