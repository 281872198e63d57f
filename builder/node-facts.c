#include "node-facts.h"

#include "derive.h"
#include "host-facts.h"

#include <string.h>

/* All helpers: 0 or -ENOMEM; a NULL text stays NULL. */
static int dup_to(char **dst, const char *s)
{
	if (!s)
		return 0;
	*dst = strdup(s);
	return *dst ? 0 : -ENOMEM;
}

int disk_match_from(const struct disk_selector *d, struct disk_match *ret)
{
	int r;

	ret->min_bytes = d->min_bytes;
	ret->max_bytes = d->max_bytes;
	r = dup_to(&ret->serial, d->serial);
	r = r ?: dup_to(&ret->wwid, d->wwid);
	r = r ?: dup_to(&ret->by_id, d->by_id);
	return r ?: dup_to(&ret->transport, d->transport);
}

int node_mac_text(const struct node *n, char **ret)
{
	static const struct mac_addr none;
	char text[IP_TEXT_MAX];

	if (memcmp(&n->mac, &none, sizeof(none)) == 0)
		return 0;
	return dup_to(ret, mac_addr_format(&n->mac, text));
}

int secret_line(const struct render *in, const char *name, char **ret, struct err *err)
{
	cleanup_secret struct secret s = { 0 };
	int r = in->secrets->get(in->cluster, name, &s, err);

	if (r < 0)
		return r;
	*ret = strndup(s.data, strcspn(s.data, "\n"));
	return *ret ? 0 : err_nomem(err);
}

static int prefixes_to(struct json_strings *l, const struct prefix_list *p)
{
	char text[IP_TEXT_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->len; i++)
		r = json_strings_add(l, ip_prefix_format(&p->items[i], text));
	return r;
}

static int addrs_to(struct json_strings *l, const struct addr_list *a)
{
	char text[IP_TEXT_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->len; i++)
		r = json_strings_add(l, ip_addr_format(&a->items[i], text));
	return r;
}

static int labels_to(struct json_map *m, const struct string_map *labels)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < labels->len; i++)
		r = json_map_add(m, labels->keys[i], labels->values[i]);
	return r;
}

static int taints_to(struct node_taint **items, size_t *len, const struct node *n)
{
	int r = 0;

	if (n->taints_len == 0)
		return 0;
	*items = calloc(n->taints_len, sizeof(**items));
	if (!*items)
		return -ENOMEM;
	*len = n->taints_len;
	for (size_t i = 0; r == 0 && i < n->taints_len; i++) {
		r = dup_to(&(*items)[i].key, n->taints[i].key);
		r = r ?: dup_to(&(*items)[i].value, n->taints[i].value ?: "");
		r = r ?: dup_to(&(*items)[i].effect, n->taints[i].effect);
	}
	return r;
}

static enum node_json_role role_of(const struct node *n)
{
	return n->role == ROLE_CONTROL_PLANE ? NODE_CONTROL_PLANE : NODE_WORKER;
}

static int node_part(const struct render *in, struct node_json *j)
{
	const struct cluster *c = in->cluster;
	const struct node *n = in->node;
	char ifname[DERIVE_IFNAME_MAX];
	int r;

	j->node.role = role_of(n);
	j->node.init = n == cluster_init_node(c);
	j->node.vlan = c->network.vlan;
	j->node.on_demand = n->on_demand;
	r = dup_to(&j->node.name, n->name);
	r = r ?: dup_to(&j->node.board, n->board);
	r = r ?: dup_to(&j->node.interface, node_interface(c, in->board, ifname));
	r = r ?: node_mac_text(n, &j->node.mac);
	r = r ?: prefixes_to(&j->node.addresses, &n->addresses);
	r = r ?: addrs_to(&j->node.gateways, &c->network.gateways);
	r = r ?: addrs_to(&j->node.dns, &c->network.dns);
	r = r ?: addrs_to(&j->node.ntp, &c->network.ntp);
	r = r ?: labels_to(&j->node.labels, &n->labels);
	return r ?: taints_to(&j->node.taints.items, &j->node.taints.len, n);
}

static int k3s_part(const struct render *in, struct node_json *j)
{
	const struct cluster *c = in->cluster;
	char url[DERIVE_URL_MAX], text[IP_TEXT_MAX];
	int r;

	r = dup_to(&j->k3s.unit, in->node->role == ROLE_CONTROL_PLANE ? "k3s" : "k3s-agent");
	r = r ?: dup_to(&j->k3s.version, c->k3s.version);
	r = r ?: dup_to(&j->k3s.server, node_k3s_server(c, in->node, url));
	r = r ?: dup_to(&j->k3s.data_dir, K3S_DATA_DIR);
	r = r ?: prefixes_to(&j->k3s.pods, &c->pods);
	r = r ?: prefixes_to(&j->k3s.services, &c->services);
	for (size_t i = 0; r == 0 && i < c->services.len; i++) {
		struct ip_addr dns;

		r = ip_prefix_nth(&c->services.items[i], CLUSTER_DNS_INDEX, &dns);
		r = r ?: json_strings_add(&j->k3s.cluster_dns, ip_addr_format(&dns, text));
	}
	return r;
}

static int ceph_part(const struct render *in, const char *cluster_id, struct node_json *j)
{
	const struct disk_selector *d = &in->node->ceph_disk;
	char text[GUID_TEXT_MAX];
	struct guid g;
	int r;

	if (!d->present)
		return 0;
	j->storage.ceph = calloc(1, sizeof(*j->storage.ceph));
	if (!j->storage.ceph)
		return -ENOMEM;
	if (d->partition_rest) {
		node_ceph_partition_guid(cluster_id, in->node, &g);
		j->storage.ceph->partition = true;
		r = dup_to(&j->storage.ceph->partition_uuid, guid_format(&g, text));
		return r ?: dup_to(&j->storage.ceph->partition_label, CEPH_PART_LABEL);
	}
	j->storage.ceph->disk = calloc(1, sizeof(*j->storage.ceph->disk));
	if (!j->storage.ceph->disk)
		return -ENOMEM;
	return disk_match_from(d, j->storage.ceph->disk);
}

static int storage_part(const struct render *in, struct node_json *j)
{
	int r;

	j->storage.root_size_bytes = in->cluster->storage.root_size_bytes;
	j->storage.osd = node_has_osd(in->node);
	r = disk_match_from(&in->node->system_disk, &j->storage.system_disk);
	r = r ?: ceph_part(in, j->cluster.id, j);
	for (size_t i = 0; r == 0 && in->wipe && in->wipe[i]; i++)
		r = json_strings_add(&j->storage.wipe, in->wipe[i]);
	return r;
}

static int host_part(const struct render *in, struct node_json *j)
{
	int r = 0;

	for (const struct host_module *m = host_modules; r == 0 && m->name; m++)
		if (host_fact_wanted(in->cluster, m->flags))
			r = json_strings_add(&j->host.modules, m->name);
	for (const struct host_sysctl *s = host_sysctls; r == 0 && s->key; s++)
		if (!(s->flags & HOST_PATTERN) && host_fact_wanted(in->cluster, s->flags))
			r = json_map_add(&j->host.sysctls, s->key, s->value);
	for (size_t i = 0; r == 0 && host_cgroups[i]; i++)
		r = json_strings_add(&j->host.cgroups, host_cgroups[i]);
	return r;
}

static int peers_part(const struct render *in, struct node_json *j)
{
	const struct cluster *c = in->cluster;
	int r = 0;

	j->peers.items = calloc(c->nodes_len, sizeof(*j->peers.items));
	if (!j->peers.items)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < c->nodes_len; i++) {
		const struct node *n = &c->nodes[i];
		struct node_peer *p = &j->peers.items[j->peers.len];

		if (n == in->node)
			continue;
		j->peers.len++;
		p->role = role_of(n);
		p->on_demand = n->on_demand;
		r = dup_to(&p->name, n->name);
		r = r ?: node_mac_text(n, &p->mac);
		r = r ?: prefixes_to(&p->addresses, &n->addresses);
		r = r ?: labels_to(&p->labels, &n->labels);
		r = r ?: taints_to(&p->taints.items, &p->taints.len, n);
	}
	return r;
}

static int power_part(const struct render *in, struct node_json *j)
{
	const struct cluster *c = in->cluster;

	j->power.deadline_s = c->power.deadline_s;
	if (!c->power.has_shutdown)
		return 0;
	j->power.shutdown = calloc(1, sizeof(*j->power.shutdown));
	if (!j->power.shutdown)
		return -ENOMEM;
	j->power.shutdown->at_minute = c->power.at_minute;
	j->power.shutdown->days = c->power.days;
	j->power.shutdown->unless = c->power.unless & UNLESS_SSH ? NODE_UNLESS_SSH : 0;
	return 0;
}

static int cluster_part(const struct render *in, struct node_json *j, struct err *err)
{
	const struct cluster *c = in->cluster;
	struct err unknown = { 0 };
	int r;

	r = secret_line(in, "cluster-id", &j->cluster.id, err);
	if (r < 0)
		return r;
	r = dup_to(&j->cluster.name, c->name);
	r = r ?: dup_to(&j->cluster.domain, c->domain);
	r = r ?: dup_to(&j->cluster.api, c->api);
	r = r ?: dup_to(&j->cluster.dns_domain, CLUSTER_DNS_DOMAIN);
	r = r ?: dup_to(&j->cluster.fsid, c->storage.fsid);
	if (r < 0)
		return err_nomem(err);
	if (j->cluster.fsid)
		return 0;
	r = secret_line(in, "fsid", &j->cluster.fsid, &unknown); /* Rook makes it at run time */
	return r == 0 || r == -ENOENT ? 0 : err_setf(err, r, "%s", unknown.msg);
}

int node_facts(const struct render *in, struct node_json *ret, struct err *err)
{
	struct node_json j = { 0 };
	int r;

	j.clock_floor = in->baked_at;
	r = cluster_part(in, &j, err);
	if (r >= 0) {
		r = node_part(in, &j);
		r = r ?: k3s_part(in, &j);
		r = r ?: storage_part(in, &j);
		r = r ?: host_part(in, &j);
		r = r ?: peers_part(in, &j);
		r = r ?: power_part(in, &j);
		if (r < 0)
			err_errnof(err, r, "cannot make node.json");
	}
	if (r < 0) {
		node_json_done(&j);
		return r;
	}
	*ret = j;
	return 0;
}
