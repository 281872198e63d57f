// Package conf reads K3s' command line and its configuration files.
//
// The tables below name the options of `k3s server` and `k3s agent`; what
// testk3s does not act on is accepted all the same, because K3s accepts it.
package conf

// Kind says how an option's value is read.
type Kind int

// The kinds of value that K3s' options have.
const (
	String Kind = iota
	Bool
	Int
	List
	Duration
)

// Flag is one option of a role.
type Flag struct {
	Name    string
	Short   string // an alias of one letter, or empty
	Kind    Kind
	Default string
	Env     string
}

// common are the options that both roles have.
var common = []Flag{
	{"config", "c", String, "/etc/rancher/k3s/config.yaml", "K3S_CONFIG_FILE"},
	{"debug", "", Bool, "", "K3S_DEBUG"},
	{"v", "", Int, "", ""},
	{"vmodule", "", String, "", ""},
	{"log", "l", String, "", ""},
	{"alsologtostderr", "", Bool, "", ""},
	{"data-dir", "d", String, "/var/lib/rancher/k3s", "K3S_DATA_DIR"},
	{"token", "t", String, "", "K3S_TOKEN"},
	{"token-file", "", String, "", "K3S_TOKEN_FILE"},
	{"server", "s", String, "", "K3S_URL"},
	{"node-name", "", String, "", "K3S_NODE_NAME"},
	{"with-node-id", "", Bool, "", ""},
	{"node-label", "", List, "", ""},
	{"node-taint", "", List, "", ""},
	{"node-ip", "i", List, "", ""},
	{"node-external-ip", "", List, "", ""},
	{"node-internal-dns", "", List, "", ""},
	{"node-external-dns", "", List, "", ""},
	{"image-credential-provider-bin-dir", "", String, "", ""},
	{"image-credential-provider-config", "", String, "", ""},
	{"docker", "", Bool, "", ""},
	{"container-runtime-endpoint", "", String, "", ""},
	{"default-runtime", "", String, "", ""},
	{"image-service-endpoint", "", String, "", ""},
	{"disable-default-registry-endpoint", "", Bool, "", ""},
	{"pause-image", "", String, "", ""},
	{"snapshotter", "", String, "overlayfs", ""},
	{"private-registry", "", String, "/etc/rancher/k3s/registries.yaml", ""},
	{"airgap-extra-registry", "", List, "", ""},
	{"nonroot-devices", "", Bool, "", ""},
	{"resolv-conf", "", String, "", "K3S_RESOLV_CONF"},
	{"flannel-iface", "", String, "", ""},
	{"flannel-conf", "", String, "", ""},
	{"flannel-cni-conf", "", String, "", ""},
	{"vpn-auth", "", String, "", "K3S_VPN_AUTH"},
	{"vpn-auth-file", "", String, "", "K3S_VPN_AUTH_FILE"},
	{"kubelet-arg", "", List, "", ""},
	{"kube-proxy-arg", "", List, "", ""},
	{"protect-kernel-defaults", "", Bool, "", ""},
	{"selinux", "", Bool, "", "K3S_SELINUX"},
	{"lb-server-port", "", Int, "6444", "K3S_LB_SERVER_PORT"},
	{"rootless", "", Bool, "", ""},
	{"prefer-bundled-bin", "", Bool, "", ""},
}

// agentOnly are the options that only `k3s agent` has.
var agentOnly = []Flag{
	{"bind-address", "", String, "", ""},
	{"disable-apiserver-lb", "", Bool, "", ""},
	{"no-flannel", "", Bool, "", ""},
	{"cluster-secret", "", String, "", "K3S_CLUSTER_SECRET"},
}

// serverOnly are the options that only `k3s server` has.
var serverOnly = []Flag{
	{"bind-address", "", String, "", ""},
	{"https-listen-port", "", Int, "6443", ""},
	{"supervisor-port", "", Int, "", ""},
	{"apiserver-port", "", Int, "", ""},
	{"advertise-address", "", String, "", ""},
	{"advertise-port", "", Int, "", ""},
	{"tls-san", "", List, "", ""},
	{"tls-san-security", "", Bool, "true", ""},
	{"cluster-cidr", "", List, "", ""},
	{"service-cidr", "", List, "", ""},
	{"service-node-port-range", "", String, "30000-32767", ""},
	{"cluster-dns", "", List, "", ""},
	{"cluster-domain", "", String, "cluster.local", ""},
	{"flannel-backend", "", String, "vxlan", ""},
	{"flannel-ipv6-masq", "", Bool, "", ""},
	{"flannel-external-ip", "", Bool, "", ""},
	{"egress-selector-mode", "", String, "agent", ""},
	{"servicelb-namespace", "", String, "kube-system", ""},
	{"write-kubeconfig", "o", String, "", "K3S_KUBECONFIG_OUTPUT"},
	{"write-kubeconfig-mode", "", String, "", "K3S_KUBECONFIG_MODE"},
	{"write-kubeconfig-group", "", String, "", "K3S_KUBECONFIG_GROUP"},
	{"helm-job-image", "", String, "", ""},
	{"agent-token", "", String, "", "K3S_AGENT_TOKEN"},
	{"agent-token-file", "", String, "", "K3S_AGENT_TOKEN_FILE"},
	{"cluster-init", "", Bool, "", "K3S_CLUSTER_INIT"},
	{"cluster-reset", "", Bool, "", "K3S_CLUSTER_RESET"},
	{"cluster-reset-restore-path", "", String, "", ""},
	{"kube-apiserver-arg", "", List, "", ""},
	{"etcd-arg", "", List, "", ""},
	{"kube-controller-manager-arg", "", List, "", ""},
	{"kube-scheduler-arg", "", List, "", ""},
	{"kube-cloud-controller-manager-arg", "", List, "", ""},
	{"kube-controller-arg", "", List, "", ""},
	{"kube-cloud-controller-arg", "", List, "", ""},
	{"kine-tls", "", Bool, "", ""},
	{"datastore-endpoint", "", String, "", "K3S_DATASTORE_ENDPOINT"},
	{"datastore-cafile", "", String, "", "K3S_DATASTORE_CAFILE"},
	{"datastore-certfile", "", String, "", "K3S_DATASTORE_CERTFILE"},
	{"datastore-keyfile", "", String, "", "K3S_DATASTORE_KEYFILE"},
	{"etcd-expose-metrics", "", Bool, "", ""},
	{"etcd-disable-snapshots", "", Bool, "", ""},
	{"etcd-snapshot-name", "", String, "etcd-snapshot", ""},
	{"etcd-snapshot-schedule-cron", "", String, "0 */12 * * *", ""},
	{"etcd-snapshot-reconcile-interval", "", Duration, "10m", ""},
	{"etcd-snapshot-retention", "", Int, "5", ""},
	{"etcd-snapshot-dir", "", String, "", ""},
	{"etcd-snapshot-compress", "", Bool, "", ""},
	{"etcd-s3", "", Bool, "", ""},
	{"etcd-s3-endpoint", "", String, "", ""},
	{"etcd-s3-endpoint-ca", "", String, "", ""},
	{"etcd-s3-skip-ssl-verify", "", Bool, "", ""},
	{"etcd-s3-access-key", "", String, "", ""},
	{"etcd-s3-secret-key", "", String, "", ""},
	{"etcd-s3-session-token", "", String, "", ""},
	{"etcd-s3-bucket", "", String, "", ""},
	{"etcd-s3-bucket-lookup-type", "", String, "", ""},
	{"etcd-s3-region", "", String, "", ""},
	{"etcd-s3-folder", "", String, "", ""},
	{"etcd-s3-proxy", "", String, "", ""},
	{"etcd-s3-config-secret", "", String, "", ""},
	{"etcd-s3-insecure", "", Bool, "", ""},
	{"etcd-s3-retention", "", Int, "", ""},
	{"etcd-s3-timeout", "", Duration, "", ""},
	{"default-local-storage-path", "", String, "", ""},
	{"disable", "", List, "", ""},
	{"disable-scheduler", "", Bool, "", ""},
	{"disable-cloud-controller", "", Bool, "", ""},
	{"disable-kube-proxy", "", Bool, "", ""},
	{"disable-network-policy", "", Bool, "", ""},
	{"disable-helm-controller", "", Bool, "", ""},
	{"disable-apiserver", "", Bool, "", ""},
	{"disable-controller-manager", "", Bool, "", ""},
	{"disable-etcd", "", Bool, "", ""},
	{"disable-agent", "", Bool, "", ""},
	{"embedded-registry", "", Bool, "", ""},
	{"supervisor-metrics", "", Bool, "", ""},
	{"secrets-encryption", "", Bool, "", ""},
	{"secrets-encryption-provider", "", String, "aescbc", ""},
	{"system-default-registry", "", String, "", "K3S_SYSTEM_DEFAULT_REGISTRY"},
	{"enable-pprof", "", Bool, "", ""},
}

// Flags returns the options of a role, "server" or "agent".
func Flags(role string) []Flag {
	if role == "server" {
		return append(append([]Flag{}, common...), serverOnly...)
	}
	return append(append([]Flag{}, common...), agentOnly...)
}
