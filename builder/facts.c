#include "facts.h"

#include "board.h"
#include "buf.h"
#include "derive.h"
#include "kval-json.h"

#include <string.h>

#define CEPH_DEVICE "/dev/disk/by-kiln/ceph"
#define API_HOST "127.0.0.1" /* every K3s node has the API server there: the server itself, */
#define API_PORT 6444	     /* or an agent's load balancer; it needs no Service routing */

/* Building with one check at the end: the first failure is kept. */
struct making {
	struct kval_pool *pool;
	const struct cluster *c;
	struct err *err;
	int r;
};

static void set(struct making *m, struct kval *map, const char *key, struct kval *v)
{
	if (m->r == 0 && (!map || kval_set(m->pool, map, key, v) < 0))
		m->r = err_nomem(m->err);
}

static void set_text(struct making *m, struct kval *map, const char *key, const char *s)
{
	set(m, map, key, s ? kval_new_string(m->pool, s) : kval_new(m->pool, KVAL_NULL));
}

static void set_int(struct making *m, struct kval *map, const char *key, int64_t n)
{
	set(m, map, key, kval_new_int(m->pool, n));
}

static void set_bool(struct making *m, struct kval *map, const char *key, bool b)
{
	set(m, map, key, kval_new_bool(m->pool, b));
}

static struct kval *new_map(struct making *m, struct kval *parent, const char *key)
{
	struct kval *v = kval_new(m->pool, KVAL_MAP);

	set(m, parent, key, v);
	return v;
}

static struct kval *new_list(struct making *m, struct kval *parent, const char *key)
{
	struct kval *v = kval_new(m->pool, KVAL_LIST);

	set(m, parent, key, v);
	return v;
}

static void append(struct making *m, struct kval *list, struct kval *v)
{
	if (m->r == 0 && (!list || kval_append(m->pool, list, v) < 0))
		m->r = err_nomem(m->err);
}

static void append_text(struct making *m, struct kval *list, const char *s)
{
	append(m, list, kval_new_string(m->pool, s));
}

/* The texts of a list, joined. */
static void set_joined(struct making *m, struct kval *map, const char *key, const struct kval *list,
		       const char *separator)
{
	cleanup_buf struct buf b = BUF_INIT(1 << 20);

	for (size_t i = 0; m->r == 0 && i < list->items_len; i++)
		(void)buf_addf(&b, "%s%s", i > 0 ? separator : "", list->items[i]->text);
	set_text(m, map, key, buf_str(&b));
}

static void add_addr(struct making *m, struct kval *list, const struct ip_addr *a)
{
	char text[IP_TEXT_MAX];

	append_text(m, list, ip_addr_format(a, text));
}

static void cluster_facts(struct making *m, struct kval *facts, const char *cluster_id)
{
	struct kval *map = new_map(m, facts, "cluster"), *list;
	const char *version = m->c->k3s.version;
	bool dual = cluster_dual_stack(m->c);
	char kubernetes[64];

	set_text(m, map, "name", m->c->name);
	set_text(m, map, "id", cluster_id);
	set_text(m, map, "domain", m->c->domain);
	set_text(m, map, "api", m->c->api);
	set_text(m, map, "dns_domain", CLUSTER_DNS_DOMAIN);
	(void)snprintf(kubernetes, sizeof(kubernetes), "%.*s", (int)strcspn(version, "+"), version);
	set_text(m, map, "kubernetes", kubernetes);
	set_bool(m, map, "dual_stack", dual);
	set_text(m, map, "family_policy", dual ? "RequireDualStack" : "SingleStack");
	list = new_list(m, map, "families");
	append_text(m, list, "IPv4");
	if (dual)
		append_text(m, list, "IPv6");
	map = new_map(m, facts, "api");
	set_text(m, map, "host", API_HOST);
	set_int(m, map, "port", API_PORT);
}

static void prefix_facts(struct making *m, struct kval *map, const struct prefix_list *l)
{
	struct kval *list = new_list(m, map, "cidrs");
	char text[IP_TEXT_MAX];

	set_text(m, map, "v4", NULL);
	set_text(m, map, "v6", NULL);
	for (size_t i = 0; i < l->len; i++) {
		(void)ip_prefix_format(&l->items[i], text);
		append_text(m, list, text);
		set_text(m, map, l->items[i].addr.family == IP_V4 ? "v4" : "v6", text);
	}
}

static void range_facts(struct making *m, struct kval *facts)
{
	struct kval *pods = new_map(m, facts, "pods"), *services = new_map(m, facts, "services");
	struct kval *dns = new_list(m, services, "dns"), *api = new_list(m, services, "api");
	struct ip_addr a;

	prefix_facts(m, pods, &m->c->pods);
	prefix_facts(m, services, &m->c->services);
	set_int(m, pods, "mask_v4", 0);
	set_int(m, pods, "mask_v6", 0);
	for (size_t i = 0; i < m->c->pods.len; i++)
		set_int(m, pods, m->c->pods.items[i].addr.family == IP_V4 ? "mask_v4" : "mask_v6",
			pods_node_mask(&m->c->pods.items[i]));
	for (size_t i = 0; m->r == 0 && i < m->c->services.len; i++) {
		m->r = ip_prefix_nth(&m->c->services.items[i], CLUSTER_DNS_INDEX, &a);
		if (m->r == 0)
			add_addr(m, dns, &a);
		if (m->r == 0)
			m->r = ip_prefix_nth(&m->c->services.items[i], 1, &a);
		if (m->r == 0)
			add_addr(m, api, &a);
		else
			(void)err_setf(m->err, m->r,
				       "the service range has no address for the cluster's DNS");
	}
	if (m->r == 0)
		set_text(m, services, "dns_first", dns->items[0]->text);
}

static void lb_facts(struct making *m, struct kval *facts)
{
	struct kval *map = new_map(m, facts, "load_balancer"), *blocks = new_list(m, map, "blocks");
	struct kval *first = new_list(m, map, "first");
	char text[IP_TEXT_MAX];

	for (size_t i = 0; i < m->c->load_balancer.len; i++) {
		const struct ip_range *r = &m->c->load_balancer.items[i];
		struct kval *block = kval_new(m->pool, KVAL_MAP);

		set_text(m, block, "start", ip_addr_format(&r->first, text));
		append_text(m, first, text);
		set_text(m, block, "stop", ip_addr_format(&r->last, text));
		append(m, blocks, block);
	}
	if (m->r == 0)
		set_joined(m, map, "first_csv", first, ",");
}

/* A policy's interfaces are regular expressions; a name has no special characters but maybe a dot.
 */
static int interface_facts(struct making *m, struct kval *network)
{
	struct kval *list = new_list(m, network, "interfaces"),
		    *names = kval_new(m->pool, KVAL_MAP);
	char text[DERIVE_IFNAME_MAX * 2 + 3], name[DERIVE_IFNAME_MAX];
	int r;

	for (size_t i = 0; m->r == 0 && i < m->c->nodes_len; i++) {
		cleanup_board struct board *b = NULL;
		char *to = text;

		r = board_load(m->c->nodes[i].board, &b, m->err);
		if (r < 0)
			return m->r = r;
		*to++ = '^';
		for (const char *c = node_interface(m->c, b, name); *c; c++) {
			if (*c == '.')
				*to++ = '\\';
			*to++ = *c;
		}
		(void)stpcpy(to, "$");
		if (!kval_get(names, text))
			append_text(m, list, text);
		set_bool(m, names, text, true);
	}
	return m->r;
}

static void network_facts(struct making *m, struct kval *facts)
{
	struct kval *map = new_map(m, facts, "network");
	struct kval *dns = new_list(m, map, "dns");

	for (size_t i = 0; i < m->c->network.dns.len; i++)
		add_addr(m, dns, &m->c->network.dns.items[i]);
	prefix_facts(m, map, &m->c->network.subnets);
	set_int(m, map, "vlan", m->c->network.vlan);
	(void)interface_facts(m, map);
}

static void node_facts(struct making *m, struct kval *facts)
{
	struct kval *map = new_map(m, facts, "nodes"), *names = new_list(m, map, "names");
	cleanup_buf struct buf hosts = BUF_INIT(1 << 20);
	size_t always_on = 0;
	char fqdn[512], text[IP_TEXT_MAX];

	for (size_t i = 0; i < m->c->nodes_len; i++) {
		const struct node *n = &m->c->nodes[i];

		append_text(m, names, n->name);
		always_on += !n->on_demand;
		for (size_t k = 0; k < n->addresses.len; k++) {
			const char *full = node_fqdn(m->c, n, fqdn, sizeof(fqdn));

			(void)buf_addf(&hosts, "%s %s",
				       ip_addr_format(&n->addresses.items[k].addr, text), n->name);
			(void)buf_addf(&hosts, strcmp(full, n->name) != 0 ? " %s\n" : "\n", full);
		}
	}
	set_int(m, map, "count", (int64_t)m->c->nodes_len);
	set_int(m, map, "control_planes", (int64_t)cluster_count_role(m->c, ROLE_CONTROL_PLANE));
	set_int(m, map, "workers", (int64_t)cluster_count_role(m->c, ROLE_WORKER));
	set_int(m, map, "always_on", (int64_t)always_on);
	/* one more than nodes that are up would stay Pending for ever: they refuse to share a host
	 */
	set_int(m, map, "operator_replicas", always_on < 2 ? 1 : 2);
	set_text(m, map, "hosts", buf_str(&hosts));
}

static void storage_facts(struct making *m, struct kval *facts)
{
	struct kval *map = new_map(m, facts, "storage"), *nodes = new_list(m, map, "ceph_nodes");
	char class[300];
	size_t osds = 0;

	for (size_t i = 0; i < m->c->nodes_len; i++) {
		struct kval *node, *devices, *device;

		if (!node_has_osd(&m->c->nodes[i]))
			continue;
		osds++;
		node = kval_new(m->pool, KVAL_MAP);
		set_text(m, node, "name", m->c->nodes[i].name);
		devices = new_list(m, node, "devices");
		device = kval_new(m->pool, KVAL_MAP);
		set_text(m, device, "name", CEPH_DEVICE);
		append(m, devices, device);
		append(m, nodes, node);
	}
	set_int(m, map, "osds", (int64_t)osds);
	/* a quorum of two is worse than one: it stops when either is gone */
	set_int(m, map, "mons", osds >= 3 ? 3 : 1);
	set_int(m, map, "mgrs", osds >= 2 ? 2 : 1);
	set_text(m, map, "pool", m->c->storage.pool);
	(void)snprintf(class, sizeof(class), "%s-block",
		       m->c->storage.pool ? m->c->storage.pool : "");
	set_text(m, map, "class", class);
	set_int(m, map, "replicas", m->c->storage.replicas);
	set_bool(m, map, "safe_replicas", m->c->storage.replicas > 1);
}

static void option_facts(struct making *m, struct kval *facts, const struct component *comp)
{
	struct kval *options = NULL, *has = new_map(m, facts, "components");

	if (m->r == 0 && comp && comp->options)
		options = kval_from_json(m->pool, comp->options);
	set(m, facts, "options", options ? options : kval_new(m->pool, KVAL_MAP));
	for (size_t i = 0; i < m->c->components_len; i++) {
		const struct component *other = &m->c->components[i];
		struct kval *v = new_map(m, has, other->name);

		/* those that others derive from: Argo CD's host, the issuer's name */
		set(m, v, "options",
		    other->options ? kval_from_json(m->pool, other->options)
				   : kval_new(m->pool, KVAL_MAP));
		set_bool(m, v, "present", true);
	}
}

static const struct component *find(struct making *m, const char *name)
{
	return cluster_component(m->c, name);
}

static const char *option_text(const struct component *comp, const char *name)
{
	return comp ? json_string_value(json_object_get(comp->options, name)) : NULL;
}

static bool has_secret(const struct component *comp, const char *option)
{
	for (size_t i = 0; comp && i < comp->secrets_len; i++)
		if (strcmp(comp->secrets[i].option, option) == 0)
			return true;
	return false;
}

/* Servers for names outside: the component's option, else those of the nodes. */
static void dns_facts(struct making *m, struct kval *facts)
{
	const struct component *coredns = find(m, "coredns");
	const json_t *upstream = coredns ? json_object_get(coredns->options, "upstream") : NULL;
	struct kval *map = new_map(m, facts, "dns"), *servers, *cidrs;

	if (m->r < 0)
		return;
	servers = json_array_size(upstream) > 0 ? kval_from_json(m->pool, upstream)
						: kval_path(facts, "network.dns");
	set(m, map, "upstream", servers);
	cidrs = new_list(m, map, "upstream_cidrs");
	for (size_t i = 0; m->r == 0 && i < servers->items_len; i++) {
		char cidr[IP_TEXT_MAX + 5];

		(void)snprintf(cidr, sizeof(cidr), "%s/%d", servers->items[i]->text,
			       strchr(servers->items[i]->text, ':') ? 128 : 32);
		append_text(m, cidrs, cidr);
	}
	if (m->r == 0)
		set_joined(m, map, "upstream_text", servers, " ");
}

/* What follows from a component's options, where values and manifests have no logic. */
static void derived_facts(struct making *m, struct kval *facts)
{
	const struct component *argocd = find(m, "argocd"), *garage = find(m, "garage");
	const struct component *issuer = find(m, "cert-manager");
	const char *repo = option_text(argocd, "repo"), *server;
	struct kval *map = new_map(m, facts, "argocd");
	uint64_t capacity;
	char text[32];

	set_bool(m, map, "login_https",
		 repo && strncmp(repo, "http", 4) == 0 && has_secret(argocd, "password"));
	set_bool(m, map, "login_ssh",
		 repo && strncmp(repo, "http", 4) != 0 && has_secret(argocd, "ssh_key"));
	map = new_map(m, facts, "acme");
	server = issuer ? json_string_value(json_object_get(
				  json_object_get(issuer->options, "issuer"), "server"))
			: NULL;
	set_text(m, map, "url",
		 server && strcmp(server, "staging") == 0
			 ? "https://acme-staging-v02.api.letsencrypt.org/directory"
			 : "https://acme-v02.api.letsencrypt.org/directory");
	map = new_map(m, facts, "garage");
	capacity =
		garage ? (uint64_t)json_integer_value(json_object_get(garage->options, "capacity"))
		       : 0;
	(void)snprintf(text, sizeof(text), capacity % (1 << 30) == 0 ? "%lluGi" : "%llu",
		       (unsigned long long)(capacity % (1 << 30) == 0 ? capacity >> 30 : capacity));
	set_text(m, map, "capacity", text);
}

int facts_build(struct kval_pool *pool, const struct cluster *c, const struct component *comp,
		const char *cluster_id, struct kval **ret, struct err *err)
{
	struct making m = { .pool = pool, .c = c, .err = err };
	struct kval *facts = kval_new(pool, KVAL_MAP);

	if (!facts)
		return err_nomem(err);
	cluster_facts(&m, facts, cluster_id);
	range_facts(&m, facts);
	lb_facts(&m, facts);
	network_facts(&m, facts);
	node_facts(&m, facts);
	storage_facts(&m, facts);
	option_facts(&m, facts, comp);
	dns_facts(&m, facts);
	derived_facts(&m, facts);
	if (m.r == 0)
		*ret = facts;
	return m.r;
}
