/* k3s-options - K3s' options, where they belong and what Kiln derives */
#include "k3s-options.h"

#include <string.h>

#define S K3S_SERVER
#define B K3S_BOTH

static const struct k3s_option options[] = {
	{ "advertise-address", S, K3S_TEXT, 0, "nodes.NAME.addresses" },
	{ "advertise-port", S, K3S_INT, 0, NULL },
	{ "agent-token", S, K3S_TEXT, 0, "kiln init (it makes the tokens)" },
	{ "agent-token-file", S, K3S_TEXT, 0, "kiln init (it makes the tokens)" },
	{ "airgap-extra-registry", B, K3S_LIST, 0, NULL },
	{ "alsologtostderr", B, K3S_BOOL, 0, NULL },
	{ "bind-address", B, K3S_TEXT, 0, NULL },
	{ "cluster-cidr", S, K3S_LIST, 0, "cluster.pods" },
	{ "cluster-dns", S, K3S_LIST, 0, "cluster.services (the tenth address of each)" },
	{ "cluster-domain", S, K3S_TEXT, 0,
	  "Kiln (cluster.local; certificates and manifests hold it)" },
	{ "cluster-init", S, K3S_BOOL, 0, "nodes.NAME.role (the first control-plane initialises)" },
	{ "cluster-reset", S, K3S_BOOL, 0, "nothing: it is an act of repair, not a setting" },
	{ "cluster-reset-restore-path", S, K3S_TEXT, 0,
	  "nothing: it is an act of repair, not a setting" },
	{ "config", B, K3S_TEXT, 0, "Kiln (it writes the file)" },
	{ "container-runtime-endpoint", B, K3S_TEXT, 0, NULL },
	{ "data-dir", B, K3S_TEXT, 0, "Kiln (/var/lib/rancher/k3s, on its own subvolume)" },
	{ "datastore-cafile", S, K3S_TEXT, 0, "nodes.NAME.role (etcd on the control-planes)" },
	{ "datastore-certfile", S, K3S_TEXT, 0, "nodes.NAME.role (etcd on the control-planes)" },
	{ "datastore-endpoint", S, K3S_TEXT, 0, "nodes.NAME.role (etcd on the control-planes)" },
	{ "datastore-keyfile", S, K3S_TEXT, 0, "nodes.NAME.role (etcd on the control-planes)" },
	{ "debug", B, K3S_BOOL, 0, NULL },
	{ "default-local-storage-path", S, K3S_TEXT, 0, "components (local-storage is disabled)" },
	{ "default-runtime", B, K3S_TEXT, 28, NULL },
	{ "disable", S, K3S_LIST, 0, "components (Kiln disables what K3s would pack)" },
	{ "disable-agent", S, K3S_BOOL, 0, "nodes.NAME.role" },
	{ "disable-apiserver", S, K3S_BOOL, 0, "nodes.NAME.role" },
	{ "disable-apiserver-lb", B, K3S_BOOL, 0,
	  "Kiln (components reach the API at 127.0.0.1:6444)" },
	{ "disable-cloud-controller", S, K3S_BOOL, 0, "Kiln" },
	{ "disable-controller-manager", S, K3S_BOOL, 0, "nodes.NAME.role" },
	{ "disable-default-registry-endpoint", B, K3S_BOOL, 30, NULL },
	{ "disable-etcd", S, K3S_BOOL, 0, "nodes.NAME.role" },
	{ "disable-helm-controller", S, K3S_BOOL, 0, "Kiln (nothing uses HelmChart)" },
	{ "disable-kube-proxy", S, K3S_BOOL, 0, "components (Cilium replaces it)" },
	{ "disable-network-policy", S, K3S_BOOL, 0, "components (Cilium does it)" },
	{ "disable-scheduler", S, K3S_BOOL, 0, "nodes.NAME.role" },
	{ "docker", B, K3S_BOOL, 0, NULL },
	{ "egress-selector-mode", S, K3S_TEXT, 0, NULL },
	{ "embedded-registry", S, K3S_BOOL, 29, NULL },
	{ "enable-pprof", B, K3S_BOOL, 0, NULL },
	{ "etcd-arg", S, K3S_LIST, 0, NULL },
	{ "etcd-disable-snapshots", S, K3S_BOOL, 0, NULL },
	{ "etcd-expose-metrics", S, K3S_BOOL, 0, NULL },
	{ "etcd-s3", S, K3S_BOOL, 0, NULL },
	{ "etcd-s3-access-key", S, K3S_TEXT, 0,
	  "etcd-s3-config-secret (no secret stands in this file)" },
	{ "etcd-s3-bucket", S, K3S_TEXT, 0, NULL },
	{ "etcd-s3-bucket-lookup-type", S, K3S_TEXT, 31, NULL },
	{ "etcd-s3-config-secret", S, K3S_TEXT, 30, NULL },
	{ "etcd-s3-endpoint", S, K3S_TEXT, 0, NULL },
	{ "etcd-s3-endpoint-ca", S, K3S_TEXT, 0, NULL },
	{ "etcd-s3-folder", S, K3S_TEXT, 0, NULL },
	{ "etcd-s3-insecure", S, K3S_BOOL, 0, NULL },
	{ "etcd-s3-proxy", S, K3S_TEXT, 30, NULL },
	{ "etcd-s3-region", S, K3S_TEXT, 0, NULL },
	{ "etcd-s3-retention", S, K3S_INT, 33, NULL },
	{ "etcd-s3-secret-key", S, K3S_TEXT, 0,
	  "etcd-s3-config-secret (no secret stands in this file)" },
	{ "etcd-s3-session-token", S, K3S_TEXT, 0,
	  "etcd-s3-config-secret (no secret stands in this file)" },
	{ "etcd-s3-skip-ssl-verify", S, K3S_BOOL, 0, NULL },
	{ "etcd-s3-timeout", S, K3S_TEXT, 0, NULL },
	{ "etcd-snapshot-compress", S, K3S_BOOL, 0, NULL },
	{ "etcd-snapshot-dir", S, K3S_TEXT, 0, NULL },
	{ "etcd-snapshot-name", S, K3S_TEXT, 0, NULL },
	{ "etcd-snapshot-retention", S, K3S_INT, 0, NULL },
	{ "etcd-snapshot-schedule-cron", S, K3S_TEXT, 0, NULL },
	{ "flannel-backend", S, K3S_TEXT, 0, "components (Cilium is the network)" },
	{ "flannel-cni-conf", B, K3S_TEXT, 0, "components (Cilium is the network)" },
	{ "flannel-conf", B, K3S_TEXT, 0, "components (Cilium is the network)" },
	{ "flannel-external-ip", S, K3S_BOOL, 0, "components (Cilium is the network)" },
	{ "flannel-iface", B, K3S_TEXT, 0, "components (Cilium is the network)" },
	{ "flannel-ipv6-masq", S, K3S_BOOL, 0, "components (Cilium is the network)" },
	{ "helm-job-image", S, K3S_TEXT, 0, "Kiln (nothing uses HelmChart)" },
	{ "https-listen-port", S, K3S_INT, 0, "Kiln (6443 stands in every seed and kubeconfig)" },
	{ "image-credential-provider-bin-dir", B, K3S_TEXT, 0, NULL },
	{ "image-credential-provider-config", B, K3S_TEXT, 0, NULL },
	{ "kine-tls", S, K3S_BOOL, 0, NULL },
	{ "kube-apiserver-arg", S, K3S_LIST, 0, NULL },
	{ "kube-cloud-controller-manager-arg", S, K3S_LIST, 0, NULL },
	{ "kube-controller-manager-arg", S, K3S_LIST, 0, NULL },
	{ "kube-proxy-arg", B, K3S_LIST, 0, "components (Cilium replaces it)" },
	{ "kube-scheduler-arg", S, K3S_LIST, 0, NULL },
	{ "kubelet-arg", B, K3S_LIST, 0, NULL },
	{ "lb-server-port", B, K3S_INT, 0, "Kiln (components reach the API at 127.0.0.1:6444)" },
	{ "log", B, K3S_TEXT, 0, NULL },
	{ "node-external-dns", B, K3S_LIST, 31, NULL },
	{ "node-external-ip", B, K3S_LIST, 0, NULL },
	{ "node-internal-dns", B, K3S_LIST, 31, NULL },
	{ "node-ip", B, K3S_LIST, 0, "nodes.NAME.addresses" },
	{ "node-label", B, K3S_LIST, 0, "nodes.NAME.labels" },
	{ "node-name", B, K3S_TEXT, 0, "nodes (the node's key)" },
	{ "node-taint", B, K3S_LIST, 0, "nodes.NAME.taints" },
	{ "nonroot-devices", B, K3S_BOOL, 33, NULL },
	{ "pause-image", B, K3S_TEXT, 0, NULL },
	{ "prefer-bundled-bin", B, K3S_BOOL, 0, NULL },
	{ "private-registry", B, K3S_TEXT, 0, NULL },
	{ "protect-kernel-defaults", B, K3S_BOOL, 0, NULL },
	{ "resolv-conf", B, K3S_TEXT, 0, "network.dns" },
	{ "rootless", B, K3S_BOOL, 0, "Kiln (K3s runs as root)" },
	{ "secrets-encryption", S, K3S_BOOL, 0, "cluster.k3s.secrets_encryption" },
	{ "secrets-encryption-provider", S, K3S_TEXT, 33, NULL },
	{ "selinux", B, K3S_BOOL, 0, NULL },
	{ "server", B, K3S_TEXT, 0, "nodes.NAME.role" },
	{ "service-cidr", S, K3S_LIST, 0, "cluster.services" },
	{ "service-node-port-range", S, K3S_TEXT, 0, NULL },
	{ "servicelb-namespace", S, K3S_TEXT, 0, "cluster.load_balancer" },
	{ "snapshotter", B, K3S_TEXT, 0, NULL },
	{ "supervisor-metrics", S, K3S_BOOL, 30, NULL },
	{ "system-default-registry", S, K3S_TEXT, 0, NULL },
	{ "tls-san", S, K3S_LIST, 0, "cluster.api and nodes.NAME.addresses" },
	{ "tls-san-security", S, K3S_BOOL, 0, NULL },
	{ "token", B, K3S_TEXT, 0, "kiln init (it makes the tokens)" },
	{ "token-file", B, K3S_TEXT, 0, "kiln init (it makes the tokens)" },
	{ "v", B, K3S_INT, 0, NULL },
	{ "vmodule", B, K3S_TEXT, 0, NULL },
	{ "vpn-auth", B, K3S_TEXT, 0, "vpn-auth-file (no secret stands in this file)" },
	{ "vpn-auth-file", B, K3S_TEXT, 0, NULL },
	{ "with-node-id", B, K3S_BOOL, 0, "nodes (the node's key)" },
	{ "write-kubeconfig", S, K3S_TEXT, 0, "Kiln (/etc/rancher/k3s/k3s.yaml)" },
	{ "write-kubeconfig-group", S, K3S_TEXT, 0, "Kiln (it is root's, 0600)" },
	{ "write-kubeconfig-mode", S, K3S_TEXT, 0, "Kiln (it is root's, 0600)" },
};
#undef S
#undef B

/* Arguments of Kubernetes' own programs that Kiln derives. */
static const struct {
	const char *option, *arg, *derived;
} derived_args[] = {
	{ "kubelet-arg", "node-ip", "nodes.NAME.addresses" },
	{ "kubelet-arg", "node-labels", "nodes.NAME.labels" },
	{ "kubelet-arg", "register-with-taints", "nodes.NAME.taints" },
	{ "kubelet-arg", "hostname-override", "nodes (the node's key)" },
	{ "kubelet-arg", "image-gc-high-threshold", "system.image_gc" },
	{ "kubelet-arg", "node-status-max-images", "Kiln (-1: the agent must see every image)" },
	{ "kubelet-arg", "cluster-dns", "cluster.services (the tenth address of each)" },
	{ "kube-controller-manager-arg", "node-cidr-mask-size", "cluster.pods" },
	{ "kube-controller-manager-arg", "node-cidr-mask-size-ipv4", "cluster.pods" },
	{ "kube-controller-manager-arg", "node-cidr-mask-size-ipv6", "cluster.pods" },
	{ "kube-controller-manager-arg", "cluster-cidr", "cluster.pods" },
	{ "kube-controller-manager-arg", "service-cluster-ip-range", "cluster.services" },
	{ "kube-apiserver-arg", "service-cluster-ip-range", "cluster.services" },
	{ "kube-apiserver-arg", "advertise-address", "nodes.NAME.addresses" },
};

const struct k3s_option *k3s_option_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (strcmp(options[i].name, name) == 0)
			return &options[i];
	return NULL;
}

bool k3s_option_for(const struct k3s_option *o, enum node_role role)
{
	return o->roles & (role == ROLE_CONTROL_PLANE ? K3S_SERVER : K3S_AGENT);
}

unsigned int k3s_version_minor(const char *version)
{
	unsigned int n = 0;

	if (!version || strncmp(version, "v1.", 3) != 0)
		return 0;
	for (const char *p = version + 3; *p >= '0' && *p <= '9' && n < 1000; p++)
		n = n * 10 + (unsigned int)(*p - '0');
	return n;
}

static void unknown_option(struct decode *d, const struct ynode *key)
{
	const char *names[ARRAY_SIZE(options)], *near;
	char shown[DIAG_VALUE_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		names[i] = options[i].name;
	near = nearest_word(key->text, names, ARRAY_SIZE(options));
	decode_diagf(d, key, "K3s has no option '%s'%s%s%s", diag_value(key->text, shown),
		     near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* "name=value" of a program's arguments. */
static void check_arg(struct decode *d, const struct k3s_option *o, const struct ynode *v)
{
	size_t n = strcspn(v->text, "=");

	for (size_t i = 0; i < ARRAY_SIZE(derived_args); i++)
		if (strcmp(derived_args[i].option, o->name) == 0 &&
		    strlen(derived_args[i].arg) == n &&
		    strncmp(derived_args[i].arg, v->text, n) == 0)
			decode_diagf(d, v, "Kiln derives '%s' of %s; it is decided by %s",
				     derived_args[i].arg, o->name, derived_args[i].derived);
	if (strncmp(v->text, "--", 2) == 0)
		decode_diagf(d, v, "arguments stand without '--': name=value");
}

static void check_items(struct decode *d, const struct k3s_option *o, const struct ynode *v)
{
	for (size_t i = 0; i < v->len; i++) {
		if (v->items[i]->kind != YNODE_SCALAR || ynode_is_null(v->items[i]))
			decode_diagf(d, v->items[i], "expected text, found %s",
				     ynode_what(v->items[i]));
		else
			check_arg(d, o, v->items[i]);
	}
}

static bool scalar_fits(enum k3s_kind kind, const struct ynode *v)
{
	bool boolean = v->plain && (strcmp(v->text, "true") == 0 || strcmp(v->text, "false") == 0);
	bool number = v->plain && v->text[0] && strspn(v->text, "0123456789") == strlen(v->text);

	if (ynode_is_null(v))
		return false;
	return kind == K3S_BOOL ? boolean : kind == K3S_INT ? number : !boolean;
}

static void check_kind(struct decode *d, const struct k3s_option *o, const struct ynode *v)
{
	static const char *const kinds[] = { "true or false", "a whole number", "text",
					     "text or a list of it" };

	if (v->kind == YNODE_SEQ && o->kind == K3S_LIST)
		check_items(d, o, v);
	else if (v->kind == YNODE_SCALAR && o->kind == K3S_LIST && scalar_fits(o->kind, v))
		check_arg(d, o, v);
	else if (v->kind != YNODE_SCALAR || !scalar_fits(o->kind, v))
		decode_diagf(d, v, "option '%s' takes %s, found %s", o->name, kinds[o->kind],
			     ynode_what(v));
}

static void k3s_config_decode(struct decode *d, const struct ynode *v, const struct field *f,
			      void *dst)
{
	char shown[DIAG_VALUE_MAX];

	(void)f;
	if (v->kind != YNODE_MAP) {
		decode_diagf(d, v, "expected a mapping of K3s' options, found %s", ynode_what(v));
		return;
	}
	for (size_t i = 0; i < v->len; i++) {
		const struct ynode *key = v->keys[i];
		const struct k3s_option *o = k3s_option_find(key->text);

		if (key->text[0] == '-' || (!o && strchr(key->text, '_'))) {
			decode_diagf(d, key,
				     "K3s has no option '%s'; options stand as in its config.yaml: "
				     "without '--', words joined by '-'",
				     diag_value(key->text, shown));
			continue;
		}
		if (!o) {
			unknown_option(d, key);
			continue;
		}
		if (o->derived)
			decode_diagf(d, key, "k3s.config may not set '%s'; it is decided by %s",
				     o->name, o->derived);
		else
			check_kind(d, o, v->items[i]);
	}
	json_decref(*(json_t **)dst);
	*(json_t **)dst = decode_json(d, v);
}

void k3s_config_check(struct decode *d, const struct cluster *c, const struct ynode *config)
{
	unsigned int minor = k3s_version_minor(c->k3s.version);

	if (!config || config->kind != YNODE_MAP || minor == 0)
		return;
	for (size_t i = 0; i < config->len; i++) {
		const struct k3s_option *o = k3s_option_find(config->keys[i]->text);

		if (o && !o->derived && o->since > minor)
			decode_diagf(d, config->keys[i],
				     "option '%s' came with v1.%u; this cluster runs %s", o->name,
				     o->since, c->k3s.version);
	}
}

static json_t *option_schema(const struct k3s_option *o)
{
	if (o->kind == K3S_BOOL)
		return json_pack("{s:s}", "type", "boolean");
	if (o->kind == K3S_INT)
		return json_pack("{s:s s:i}", "type", "integer", "minimum", 0);
	if (o->kind == K3S_TEXT)
		return json_pack("{s:[s s]}", "type", "string", "integer");
	return json_pack("{s:[s s s] s:{s:[s s]}}", "type", "string", "integer", "array", "items",
			 "type", "string", "integer");
}
static json_t *k3s_config_schema(const struct field *f)
{
	json_t *props = json_object();

	(void)f;
	for (size_t i = 0; props && i < ARRAY_SIZE(options); i++)
		if (!options[i].derived &&
		    json_object_set_new(props, options[i].name, option_schema(&options[i])) < 0)
			break;
	return json_pack("{s:s s:b s:o}", "type", "object", "additionalProperties", 0, "properties",
			 props);
}
static void k3s_config_done(void *value)
{
	json_decref(*(json_t **)value);
	*(json_t **)value = NULL;
}
const struct field_type type_k3s_config = { k3s_config_decode, k3s_config_schema,
					    "mapping of K3s' options", NULL, k3s_config_done };
