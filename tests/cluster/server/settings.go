package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"kiln.test/k3s/conf"
)

// settings are the server's options after defaults and checks.
type settings struct {
	o            *conf.Options
	data         string // <data-dir>/server
	agentDir     string // <data-dir>/agent
	nodeName     string
	nodeIPs      []net.IP
	httpsPort    int
	apiPort      int
	clusterCIDRs []string
	serviceCIDRs []string
	clusterDNS   []string
	kubeconfig   string
	etcdMode     bool // cluster-init or a joining server: others may join
}

func newSettings(o *conf.Options) (*settings, error) {
	s := &settings{
		o:            o,
		data:         filepath.Join(o.Str("data-dir"), "server"),
		agentDir:     filepath.Join(o.Str("data-dir"), "agent"),
		nodeName:     strings.ToLower(o.Str("node-name")),
		httpsPort:    o.Int("https-listen-port"),
		apiPort:      o.Int("apiserver-port"),
		clusterCIDRs: orDefault(o.List("cluster-cidr"), "10.42.0.0/16"),
		serviceCIDRs: orDefault(o.List("service-cidr"), "10.43.0.0/16"),
		clusterDNS:   o.List("cluster-dns"),
		kubeconfig:   o.Str("write-kubeconfig"),
		etcdMode:     o.Bool("cluster-init") || o.Str("server") != "",
	}
	if s.nodeName == "" {
		host, err := os.Hostname()
		if err != nil {
			return nil, err
		}
		s.nodeName = strings.ToLower(host)
	}
	if s.apiPort == 0 {
		s.apiPort = s.httpsPort + 1
	}
	if s.kubeconfig == "" {
		s.kubeconfig = "/etc/rancher/k3s/k3s.yaml"
	}
	for _, text := range o.List("node-ip") {
		ip := net.ParseIP(text)
		if ip == nil {
			return nil, fmt.Errorf("invalid node-ip: '%s'", text)
		}
		s.nodeIPs = append(s.nodeIPs, ip)
	}
	if len(s.clusterDNS) == 0 {
		for _, cidr := range s.serviceCIDRs {
			ip, err := nth(cidr, 10)
			if err != nil {
				return nil, err
			}
			s.clusterDNS = append(s.clusterDNS, ip.String())
		}
	}
	return s, s.checkFamilies()
}

// checkFamilies is K3s' refusal of addresses that do not go together.
func (s *settings) checkFamilies() error {
	if len(s.clusterCIDRs) != len(s.serviceCIDRs) {
		return fmt.Errorf("cluster-cidr: %v and service-cidr: %v, must share the same IP version (IPv4, IPv6 or dual-stack)",
			s.clusterCIDRs, s.serviceCIDRs)
	}
	for i := range s.clusterCIDRs {
		if isV6(s.clusterCIDRs[i]) != isV6(s.serviceCIDRs[i]) {
			return fmt.Errorf("cluster-cidr: %v and service-cidr: %v, must share the same IP version (IPv4, IPv6 or dual-stack)",
				s.clusterCIDRs, s.serviceCIDRs)
		}
	}
	if len(s.nodeIPs) == 0 {
		return nil
	}
	have := map[bool]bool{}
	for _, ip := range s.nodeIPs {
		have[ip.To4() == nil] = true
	}
	for _, cidr := range s.clusterCIDRs {
		if !have[isV6(cidr)] {
			return fmt.Errorf("cluster-cidr: %v and node-ip: %v, must share the same IP version (IPv4, IPv6 or dual-stack)",
				s.clusterCIDRs, s.nodeIPs)
		}
	}
	return nil
}

// serviceIPs are the first addresses of the service ranges: `kubernetes`.
func (s *settings) serviceIPs() []net.IP {
	var ret []net.IP
	for _, cidr := range s.serviceCIDRs {
		if ip, err := nth(cidr, 1); err == nil {
			ret = append(ret, ip)
		}
	}
	return ret
}

func (s *settings) tls(parts ...string) string {
	return filepath.Join(append([]string{s.data, "tls"}, parts...)...)
}

func (s *settings) cred(name string) string { return filepath.Join(s.data, "cred", name) }

// supervisorURL is port 6443 as this machine itself finds it.
func (s *settings) supervisorURL() string {
	host := s.o.Str("bind-address")
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "https://" + net.JoinHostPort(host, strconv.Itoa(s.httpsPort))
}

func (s *settings) apiURL() string { return "https://127.0.0.1:" + strconv.Itoa(s.apiPort) }

func isV6(cidr string) bool { return strings.Contains(cidr, ":") }

func orDefault(list []string, def string) []string {
	if len(list) == 0 {
		return []string{def}
	}
	return list
}

// nth returns the n-th address of a range, n below 256.
func nth(cidr string, n byte) (net.IP, error) {
	_, ipnet, err := net.ParseCIDR(cidr)
	if err != nil {
		return nil, err
	}
	ip := append(net.IP{}, ipnet.IP...)
	ip[len(ip)-1] += n
	return ip, nil
}
