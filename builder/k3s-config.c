#include "k3s-config.h"

#include "buf.h"
#include "derive.h"
#include "k3s-options.h"

#include <string.h>

#define K3S_CONFIG_MAX ((size_t)256 << 10)

/* ---- building; every step returns -ENOMEM or 0, jansson takes the new reference ---- */

static int set(json_t *o, const char *key, json_t *v)
{
	return json_object_set_new(o, key, v) < 0 ? -ENOMEM : 0;
}

static int set_text(json_t *o, const char *key, const char *s)
{
	return set(o, key, json_string(s));
}

static json_t *list(json_t *o, const char *key)
{
	json_t *l = json_object_get(o, key);

	if (!l && set(o, key, json_array()) == 0)
		l = json_object_get(o, key);
	return l;
}

static int PRINTF_LIKE(3, 4) add(json_t *o, const char *key, const char *fmt, ...)
{
	cleanup_free char *s = NULL;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (len < 0 || json_array_append_new(list(o, key), json_string(s)) < 0)
		return -ENOMEM;
	return 0;
}

static int add_prefixes(json_t *o, const char *key, const struct prefix_list *p)
{
	char text[IP_TEXT_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->len; i++)
		r = add(o, key, "%s", ip_prefix_format(&p->items[i], text));
	return r;
}

/* What server and agent share. */
static int common(const struct render *in, json_t *o)
{
	const struct node *n = in->node;
	cleanup_buf struct buf ips = BUF_INIT(4 * IP_TEXT_MAX);
	char text[IP_TEXT_MAX];
	int r;

	r = set_text(o, "node-name", n->name);
	for (size_t i = 0; r == 0 && i < n->addresses.len; i++) {
		(void)ip_addr_format(&n->addresses.items[i].addr, text);
		(void)buf_addf(&ips, "%s%s", i ? "," : "", text);
		r = add(o, "node-ip", "%s", text);
	}
	/* Without the cloud controller K3s hands the kubelet no address of the second family. */
	r = r ?: add(o, "kubelet-arg", "node-ip=%s", buf_str(&ips));
	r = r ?: set_text(o, "resolv-conf", "/etc/rancher/k3s/resolv.conf");
	for (size_t i = 0; r == 0 && i < n->labels.len; i++)
		r = add(o, "node-label", "%s=%s", n->labels.keys[i], n->labels.values[i]);
	for (size_t i = 0; r == 0 && i < n->taints_len; i++)
		r = add(o, "node-taint", "%s=%s:%s", n->taints[i].key, n->taints[i].value ?: "",
			n->taints[i].effect);
	return r ?: buf_error(&ips);
}

static int tls_names(const struct render *in, json_t *o)
{
	const struct cluster *c = in->cluster;
	char text[IP_TEXT_MAX], name[300];
	int r = 0;

	if (c->api)
		r = add(o, "tls-san", "%s", c->api);
	for (size_t i = 0; r == 0 && i < c->nodes_len; i++) {
		const struct node *n = &c->nodes[i];

		if (n->role != ROLE_CONTROL_PLANE)
			continue;
		r = add(o, "tls-san", "%s", node_fqdn(c, n, name, sizeof(name)));
		for (size_t a = 0; r == 0 && a < n->addresses.len; a++)
			r = add(o, "tls-san", "%s",
				ip_addr_format(&n->addresses.items[a].addr, text));
	}
	return r;
}

/* Only where it is not what Kubernetes takes by itself. */
static int pod_masks(const struct render *in, json_t *o)
{
	const struct prefix_list *pods = &in->cluster->pods;
	int r = 0;

	for (size_t i = 0; r == 0 && i < pods->len; i++) {
		bool v4 = pods->items[i].addr.family == IP_V4;
		unsigned int mask = pods_node_mask(&pods->items[i]);

		if (mask == (v4 ? 24U : 64U))
			continue;
		r = add(o, "kube-controller-manager-arg", "node-cidr-mask-size%s=%u",
			pods->len == 1 ? ""
			: v4	       ? "-ipv4"
				       : "-ipv6",
			mask);
	}
	return r;
}

/* What K3s would bring and components do instead. */
static int leave_out(json_t *o)
{
	static const char *const disabled[] = { "coredns", "servicelb", "traefik",
						"local-storage" };
	static const char *const off[] = { "disable-network-policy", "disable-kube-proxy",
					   "disable-cloud-controller", "disable-helm-controller" };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(off); i++)
		r = set(o, off[i], json_true());
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(disabled); i++)
		r = add(o, "disable", "%s", disabled[i]);
	return r;
}

static int server(const struct render *in, json_t *o)
{
	const struct cluster *c = in->cluster;
	char url[DERIVE_URL_MAX];
	const char *join = node_k3s_server(c, in->node, url);
	int r;

	/* etcd for one control-plane too, so that others can join later. */
	r = join ? set_text(o, "server", join) : set(o, "cluster-init", json_true());
	r = r ?: set_text(o, "token-file", "/etc/rancher/k3s/token");
	r = r ?: set_text(o, "agent-token-file", "/etc/rancher/k3s/agent-token");
	r = r ?: common(in, o);
	r = r ?: add_prefixes(o, "cluster-cidr", &c->pods);
	r = r ?: add_prefixes(o, "service-cidr", &c->services);
	r = r ?: pod_masks(in, o);
	r = r ?: tls_names(in, o);
	r = r ?: set_text(o, "write-kubeconfig-mode", "0600");
	r = r ?: set(o, "secrets-encryption", json_boolean(c->k3s.secrets_encryption));
	r = r ?: set_text(o, "flannel-backend", "none");
	return r ?: leave_out(o);
}

static int agent(const struct render *in, json_t *o)
{
	char url[DERIVE_URL_MAX];
	const char *join = node_k3s_server(in->cluster, in->node, url);
	int r;

	if (!join)
		return -EINVAL;
	r = set_text(o, "server", join);
	r = r ?: set_text(o, "token-file", "/etc/rancher/k3s/token");
	return r ?: common(in, o);
}

/* The user's own options, last; lists are joined. */
static int merge(const struct render *in, json_t *o, struct err *err)
{
	const char *key;
	json_t *v;

	json_object_foreach (in->cluster->k3s.config, key, v) {
		const struct k3s_option *option = k3s_option_find(key);
		json_t *have = json_object_get(o, key);
		int r;

		if (option && !k3s_option_for(option, in->node->role))
			continue;
		if (have && json_is_array(have) && json_is_array(v))
			r = json_array_extend(have, v);
		else if (have && json_is_array(have) && !json_is_object(v))
			r = json_array_append(have, v);
		else if (have)
			return err_setf(err, -EEXIST,
					"cluster.k3s.config: '%s' is set by Kiln, leave it out",
					key);
		else
			r = json_object_set(o, key, v);
		if (r < 0)
			return err_nomem(err);
	}
	return 0;
}

int k3s_config(const struct render *in, json_t **ret, struct err *err)
{
	json_auto_t *o = json_object();
	int r;

	if (!o)
		return err_nomem(err);
	r = in->node->role == ROLE_CONTROL_PLANE ? server(in, o) : agent(in, o);
	if (r == -EINVAL)
		return err_setf(err, r, "a worker needs a control-plane to join");
	if (r < 0)
		return err_nomem(err);
	r = merge(in, o, err);
	if (r < 0)
		return r;
	*ret = json_incref(o);
	return 0;
}

/* ---- YAML ---- */

/* JSON is YAML, as long as no slash is escaped and no line is broken. */
static int add_value(struct buf *b, const json_t *v)
{
	cleanup_free char *s = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);

	return s ? buf_adds(b, s) : -ENOMEM;
}

int k3s_config_yaml(const json_t *config, char **ret, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT(K3S_CONFIG_MAX);
	const char *key;
	json_t *v, *item;
	size_t i;
	int r = 0;

	(void)buf_adds(
		&b,
		"# Made by Kiln from cluster.yaml: a new seed replaces it. Own options go into\n"
		"# config.yaml.d/ or, for all nodes, under cluster.k3s.config.\n");
	json_object_foreach ((json_t *)config, key, v) {
		(void)buf_addf(&b, "%s:", key);
		if (json_is_array(v) && json_array_size(v) > 0) {
			(void)buf_addc(&b, '\n');
			json_array_foreach (v, i, item) {
				(void)buf_adds(&b, "  - ");
				r = r ?: add_value(&b, item);
				(void)buf_addc(&b, '\n');
			}
			continue;
		}
		(void)buf_addc(&b, ' ');
		r = r ?: add_value(&b, v);
		(void)buf_addc(&b, '\n');
	}
	r = r ?: buf_error(&b);
	if (r < 0)
		return err_errnof(err, r, "cannot render the K3s configuration");
	*ret = buf_steal(&b, NULL);
	return *ret ? 0 : err_nomem(err);
}
