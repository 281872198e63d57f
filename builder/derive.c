#include "derive.h"

#include <string.h>

const struct node *cluster_init_node(const struct cluster *c)
{
	for (size_t i = 0; i < c->nodes_len; i++)
		if (c->nodes[i].role == ROLE_CONTROL_PLANE)
			return &c->nodes[i];
	return NULL;
}

size_t cluster_count_role(const struct cluster *c, enum node_role role)
{
	size_t n = 0;

	for (size_t i = 0; i < c->nodes_len; i++)
		n += c->nodes[i].role == role;
	return n;
}

bool cluster_has_ceph(const struct cluster *c)
{
	for (size_t i = 0; i < c->nodes_len; i++)
		if (c->nodes[i].ceph_disk.present)
			return true;
	return cluster_component(c, "rook-ceph");
}

bool node_has_osd(const struct node *n)
{
	return n->ceph_disk.present && (!n->on_demand || n->osd == OSD_ALWAYS);
}

bool cluster_dual_stack(const struct cluster *c)
{
	return c->pods.len > 1;
}

unsigned int pods_node_mask(const struct ip_prefix *pods)
{
	unsigned int usual = pods->addr.family == IP_V4 ? 24 : 64;
	unsigned int most = pods->addr.family == IP_V4 ? 28 : 120; /* a node needs some pods */
	unsigned int mask = usual;

	if (mask > pods->bits + 16)
		mask = pods->bits + 16; /* Kubernetes' limit on the number of nodes */
	if (pods->addr.family == IP_V6 && pods->bits >= usual)
		mask = pods->bits + 16;
	if (pods->addr.family == IP_V4 && pods->bits > 20)
		mask = pods->bits + 4;
	return mask > most ? most : mask;
}

const char *node_k3s_server(const struct cluster *c, const struct node *n, char dst[DERIVE_URL_MAX])
{
	const struct node *init = cluster_init_node(c);
	char addr[IP_TEXT_MAX];

	if (n == init || !init || init->addresses.len == 0)
		return NULL;
	/* Workers of several control-planes start when the first one is down: /etc/hosts
	 * gives the name all their addresses. A joining server must not meet itself. */
	if (n->role == ROLE_WORKER && c->api && cluster_count_role(c, ROLE_CONTROL_PLANE) > 1) {
		(void)snprintf(dst, DERIVE_URL_MAX, "https://%s:6443", c->api);
		return dst;
	}
	(void)ip_addr_format(&init->addresses.items[0].addr, addr);
	(void)snprintf(dst, DERIVE_URL_MAX,
		       init->addresses.items[0].addr.family == IP_V6 ? "https://[%s]:6443"
								     : "https://%s:6443",
		       addr);
	return dst;
}

const char *node_interface(const struct cluster *c, const struct board *b,
			   char dst[DERIVE_IFNAME_MAX])
{
	if (c->network.vlan > 0)
		(void)snprintf(dst, DERIVE_IFNAME_MAX, "vlan%u", c->network.vlan);
	else
		(void)snprintf(dst, DERIVE_IFNAME_MAX, "%s", b->interface);
	return dst;
}

const char *node_fqdn(const struct cluster *c, const struct node *n, char *dst, size_t size)
{
	if (c->domain)
		(void)snprintf(dst, size, "%s.%s", n->name, c->domain);
	else
		(void)snprintf(dst, size, "%s", n->name);
	return dst;
}

void node_ceph_partition_guid(const char *cluster_id, const struct node *n, struct guid *ret)
{
	char name[128];

	(void)snprintf(name, sizeof(name), "%s/partition/" CEPH_PART_LABEL, n->name);
	guid_derive(cluster_id, strlen(cluster_id), name, ret);
}

const char *root_partition_type(const char *arch)
{
	if (strcmp(arch, "arm64") == 0)
		return "root-arm64";
	if (strcmp(arch, "amd64") == 0)
		return "root-x86-64";
	return NULL;
}
