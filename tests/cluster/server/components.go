package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	cliflag "k8s.io/component-base/cli/flag"
	logsapi "k8s.io/component-base/logs/api/v1"
	apiapp "k8s.io/kubernetes/cmd/kube-apiserver/app"
	apioptions "k8s.io/kubernetes/cmd/kube-apiserver/app/options"
	cmapp "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	cmoptions "k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
	schedapp "k8s.io/kubernetes/cmd/kube-scheduler/app"
	schedoptions "k8s.io/kubernetes/cmd/kube-scheduler/app/options"
)

// flags is a component's command line as a map, so that `kube-*-arg` can
// replace what K3s sets by default.
type flags map[string]string

// words joins defaults and the user's `name=value` arguments, which win.
func (f flags) words(extra []string) []string {
	var ret []string
	own := map[string]bool{}
	for _, a := range extra {
		name, _, _ := strings.Cut(strings.TrimLeft(a, "-"), "=")
		own[name] = true
		ret = append(ret, "--"+strings.TrimLeft(a, "-"))
	}
	for name, value := range f {
		if !own[name] {
			ret = append(ret, "--"+name+"="+value)
		}
	}
	return ret
}

func parse(component string, sets cliflag.NamedFlagSets, words []string) error {
	fs := pflag.NewFlagSet(component, pflag.ContinueOnError)
	fs.Usage = func() {}
	for _, set := range sets.FlagSets {
		fs.AddFlagSet(set)
	}
	if err := fs.Parse(words); err != nil {
		return fmt.Errorf("%s: %w", component, err)
	}
	return nil
}

// apiServer builds the API server as K3s starts it. The returned handler is
// the whole chain, authentication included, so that port 6443 can serve it
// beside 127.0.0.1:6444 on which it listens by itself.
func apiServer(ctx context.Context, s *settings, etcd *etcdServer, egress string) (http.Handler, func() error, error) {
	logsapi.ReapplyHandling = logsapi.ReapplyHandlingIgnoreUnchanged
	issuer := "https://kubernetes.default.svc." + s.o.Str("cluster-domain")
	f := flags{
		"allow-privileged":                   "true",
		"anonymous-auth":                     "false",
		"api-audiences":                      issuer + ",k3s",
		"authorization-mode":                 "Node,RBAC",
		"bind-address":                       "127.0.0.1",
		"cert-dir":                           s.tls("temporary-certs"),
		"client-ca-file":                     s.tls("client-ca.crt"),
		"egress-selector-config-file":        egress,
		"enable-admission-plugins":           "NodeRestriction",
		"enable-aggregator-routing":          "true",
		"enable-bootstrap-token-auth":        "true",
		"etcd-cafile":                        s.tls("etcd", "server-ca.crt"),
		"etcd-certfile":                      s.tls("etcd", "client.crt"),
		"etcd-keyfile":                       s.tls("etcd", "client.key"),
		"etcd-servers":                       etcd.url(),
		"kubelet-certificate-authority":      s.tls("server-ca.crt"),
		"kubelet-client-certificate":         s.tls("client-kube-apiserver.crt"),
		"kubelet-client-key":                 s.tls("client-kube-apiserver.key"),
		"profiling":                          "false",
		"proxy-client-cert-file":             s.tls("client-auth-proxy.crt"),
		"proxy-client-key-file":              s.tls("client-auth-proxy.key"),
		"requestheader-allowed-names":        "system:auth-proxy",
		"requestheader-client-ca-file":       s.tls("request-header-ca.crt"),
		"requestheader-extra-headers-prefix": "X-Remote-Extra-",
		"requestheader-group-headers":        "X-Remote-Group",
		"requestheader-username-headers":     "X-Remote-User",
		"secure-port":                        strconv.Itoa(s.apiPort),
		"service-account-issuer":             issuer,
		"service-account-key-file":           s.tls("service.key"),
		"service-account-signing-key-file":   s.tls("service.key"),
		"service-cluster-ip-range":           strings.Join(s.serviceCIDRs, ","),
		"service-node-port-range":            s.o.Str("service-node-port-range"),
		"storage-backend":                    "etcd3",
		"tls-cert-file":                      s.tls("serving-kube-apiserver.crt"),
		"tls-private-key-file":               s.tls("serving-kube-apiserver.key"),
	}
	if ip := s.advertise(); ip != "" {
		f["advertise-address"] = ip
	}
	opts := apioptions.NewServerRunOptions()
	if err := parse("kube-apiserver", opts.Flags(), f.words(s.o.Raw("kube-apiserver-arg"))); err != nil {
		return nil, nil, err
	}
	if err := opts.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return nil, nil, err
	}
	completed, err := opts.Complete(ctx)
	if err != nil {
		return nil, nil, err
	}
	if errs := completed.Validate(); len(errs) > 0 {
		return nil, nil, fmt.Errorf("kube-apiserver: %v", errs)
	}
	config, err := apiapp.NewConfig(completed)
	if err != nil {
		return nil, nil, err
	}
	serving := config.KubeAPIs.ControlPlane.Generic.SecureServing
	serving.Listener = announced{serving.Listener, s.httpsPort}
	full, err := config.Complete()
	if err != nil {
		return nil, nil, err
	}
	chain, err := apiapp.CreateServerChain(full)
	if err != nil {
		return nil, nil, err
	}
	prepared, err := chain.PrepareRun()
	if err != nil {
		return nil, nil, err
	}
	return chain.GenericAPIServer.Handler, func() error { return prepared.Run(ctx) }, nil
}

// announced is a listener that gives another port as its own: Service
// `kubernetes` names 6443, although the API server listens on 6444. K3s
// patches a flag advertise-port into Kubernetes for that.
type announced struct {
	net.Listener
	port int
}

func (a announced) Addr() net.Addr {
	own := *a.Listener.Addr().(*net.TCPAddr)
	own.Port = a.port
	return &own
}

func (s *settings) advertise() string {
	if a := s.o.Str("advertise-address"); a != "" {
		return a
	}
	if len(s.nodeIPs) > 0 {
		return s.nodeIPs[0].String()
	}
	return ""
}

// leaderElect is on where several servers may share the datastore, as in K3s.
func (s *settings) leaderElect() string { return strconv.FormatBool(s.etcdMode) }

// localPort gives a component its usual port, or none in a test that runs
// beside others on one machine.
func (s *settings) localPort(usual string) string {
	if s.httpsPort == 6443 {
		return usual
	}
	return "0"
}

func controllerManager(ctx context.Context, s *settings) error {
	f := flags{
		"allocate-node-cidrs":              "true",
		"authentication-kubeconfig":        s.cred("controller.kubeconfig"),
		"authorization-kubeconfig":         s.cred("controller.kubeconfig"),
		"bind-address":                     "127.0.0.1",
		"cert-dir":                         s.tls("kube-controller-manager"),
		"cluster-cidr":                     strings.Join(s.clusterCIDRs, ","),
		"controllers":                      "*,tokencleaner",
		"kubeconfig":                       s.cred("controller.kubeconfig"),
		"leader-elect":                     s.leaderElect(),
		"profiling":                        "false",
		"root-ca-file":                     s.tls("server-ca.crt"),
		"secure-port":                      s.localPort("10257"),
		"service-account-private-key-file": s.tls("service.key"),
		"service-cluster-ip-range":         strings.Join(s.serviceCIDRs, ","),
		"use-service-account-credentials":  "true",
		"cluster-signing-kube-apiserver-client-cert-file": s.tls("client-ca.nochain.crt"),
		"cluster-signing-kube-apiserver-client-key-file":  s.tls("client-ca.key"),
		"cluster-signing-kubelet-client-cert-file":        s.tls("client-ca.nochain.crt"),
		"cluster-signing-kubelet-client-key-file":         s.tls("client-ca.key"),
		"cluster-signing-kubelet-serving-cert-file":       s.tls("server-ca.nochain.crt"),
		"cluster-signing-kubelet-serving-key-file":        s.tls("server-ca.key"),
		"cluster-signing-legacy-unknown-cert-file":        s.tls("server-ca.nochain.crt"),
		"cluster-signing-legacy-unknown-key-file":         s.tls("server-ca.key"),
	}
	opts, err := cmoptions.NewKubeControllerManagerOptions()
	if err != nil {
		return err
	}
	known, off, aliases := cmapp.KnownControllers(), cmapp.ControllersDisabledByDefault(), cmapp.ControllerAliases()
	sets := opts.Flags(known, off, aliases)
	opts.ParsedFlags = &sets
	if err := parse("kube-controller-manager", sets, f.words(s.o.Raw("kube-controller-manager-arg"))); err != nil {
		return err
	}
	config, err := opts.Config(ctx, known, off, aliases)
	if err != nil {
		return err
	}
	return cmapp.Run(ctx, config.Complete())
}

func scheduler(ctx context.Context, s *settings) error {
	f := flags{
		"authentication-kubeconfig": s.cred("scheduler.kubeconfig"),
		"authorization-kubeconfig":  s.cred("scheduler.kubeconfig"),
		"bind-address":              "127.0.0.1",
		"cert-dir":                  filepath.Join(s.tls(), "kube-scheduler"),
		"kubeconfig":                s.cred("scheduler.kubeconfig"),
		"leader-elect":              s.leaderElect(),
		"profiling":                 "false",
		"secure-port":               s.localPort("10259"),
	}
	opts := schedoptions.NewOptions()
	if err := parse("kube-scheduler", *opts.Flags, f.words(s.o.Raw("kube-scheduler-arg"))); err != nil {
		return err
	}
	config, sched, err := schedapp.Setup(ctx, opts)
	if err != nil {
		return err
	}
	return schedapp.Run(ctx, config, sched)
}
