/* cluster-check-nodes - names, addresses, roles, boards and labels of the nodes */
#include "board.h"
#include "cluster-tables.h"

#include <string.h>

/* Somewhere an address does not belong: "cluster.pods 10.42.0.0/16", or NULL. */
static const char *foreign_range(const struct cluster *c, const struct ip_addr *a, char *dst,
				 size_t size)
{
	const struct prefix_list *lists[] = { &c->pods, &c->services };
	static const char *const names[] = { "cluster.pods", "cluster.services" };
	char text[IP_TEXT_MAX];

	for (size_t o = 0; o < ARRAY_SIZE(lists); o++) {
		for (size_t i = 0; i < lists[o]->len; i++) {
			if (lists[o]->items[i].addr.family != a->family ||
			    !ip_prefix_contains(&lists[o]->items[i], a))
				continue;
			(void)snprintf(dst, size, "%s %s", names[o],
				       ip_prefix_format(&lists[o]->items[i], text));
			return dst;
		}
	}
	return NULL;
}

static void check_address(struct check *k, const struct node *n, size_t i)
{
	const struct ip_addr *a = &n->addresses.items[i].addr;
	const struct ip_prefix *net = subnet_sound(k->c, a->family);
	struct pos pos = n->addresses.pos[i];
	char text[IP_TEXT_MAX], net_text[IP_TEXT_MAX], range[128];
	const char *where = foreign_range(k->c, a, range, sizeof(range));

	ip_addr_format(a, text);
	if (where && net == subnet_of(k->c, a->family))
		check_pos(k, pos, "%s lies in %s", text, where);
	else if (net && !ip_prefix_contains(net, a))
		check_pos(k, pos, "%s is outside the subnet %s", text,
			  ip_prefix_format(net, net_text));
	else if (net && reserved_address(net, a))
		check_pos(k, pos, "%s is %s", text, reserved_address(net, a));
	for (size_t g = 0; g < k->c->network.gateways.len; g++)
		if (ip_addr_cmp(&k->c->network.gateways.items[g], a) == 0)
			check_pos(k, pos, "%s is the gateway's address", text);
	for (size_t r = 0; r < k->c->load_balancer.len; r++)
		if (ip_range_contains(&k->c->load_balancer.items[r], a))
			check_pos(k, pos,
				  "%s lies in cluster.load_balancer; those addresses move between "
				  "nodes",
				  text);
}

static void check_addresses(struct check *k, const struct node *n)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "nodes.%s.addresses", n->name);
	check_families(k, n->addresses.len, path);
	for (size_t i = 0; i < n->addresses.len; i++) {
		check_address(k, n, i);
		for (const struct node *o = k->c->nodes; o < n; o++) {
			for (size_t j = 0; j < o->addresses.len; j++) {
				char text[IP_TEXT_MAX];

				if (ip_addr_cmp(&o->addresses.items[j].addr,
						&n->addresses.items[i].addr) == 0)
					check_pos(k, n->addresses.pos[i],
						  "%s is the address of node '%s' too",
						  ip_addr_format(&n->addresses.items[i].addr, text),
						  o->name);
			}
		}
	}
}

/* One value of two nodes that each may have alone. */
static void check_same_text(struct check *k, const char *a, const char *b, struct pos pos,
			    const char *what, const char *other)
{
	char shown[DIAG_VALUE_MAX];

	if (a && b && strcasecmp(a, b) == 0)
		check_pos(k, pos, "%s '%s' is that of node '%s' too", what, diag_value(a, shown),
			  other);
}

static void check_unique(struct check *k, const struct node *n)
{
	static const struct mac_addr none;
	char text[IP_TEXT_MAX];

	for (const struct node *o = k->c->nodes; o < n; o++) {
		if (memcmp(&n->mac, &none, sizeof(none)) != 0 &&
		    memcmp(&n->mac, &o->mac, sizeof(none)) == 0)
			check_pos(k, n->mac_pos, "MAC address %s is that of node '%s' too",
				  mac_addr_format(&n->mac, text), o->name);
		check_same_text(k, n->machine_serial, o->machine_serial, n->serial_pos, "serial",
				o->name);
	}
}

static void check_board(struct check *k, const struct node *n)
{
	cleanup_board struct board *b = NULL;
	struct err err = { 0 };
	char path[128];

	if (!n->board)
		return;
	if (!board_exists(n->board)) {
		cleanup_free char *all = board_names();

		check_pos(k, n->board_pos, "no board '%s'; there are %s", n->board,
			  all ? all : "none");
		return;
	}
	if (board_load(n->board, &b, &err) < 0) {
		check_pos(k, n->board_pos, "%s", err.msg);
		return;
	}
	(void)snprintf(path, sizeof(path), "nodes.%s.stepping", n->name);
	if (n->stepping != STEPPING_AUTO && b->boot != BOOT_RPI)
		check_at(k, path, "only a Raspberry Pi has steppings; board '%s' has none",
			 n->board);
}

static void check_role(struct check *k, const struct node *n)
{
	if (n->on_demand && n->role == ROLE_CONTROL_PLANE && n->role_pos.line > 0)
		check_pos(k, n->on_demand_pos,
			  "an on_demand node is normally off and cannot be a control-plane");
	if (strcmp(n->name, "localhost") == 0)
		check_pos(k, n->name_pos, "'localhost' is every node's name for itself");
}

static void check_labels(struct check *k, const struct node *n)
{
	static const char *const own[] = { "kubernetes.io/hostname", "kubernetes.io/os",
					   "kubernetes.io/arch",
					   "node.kubernetes.io/instance-type" };
	char shown[DIAG_VALUE_MAX];

	for (size_t i = 0; i < n->labels.len; i++) {
		const char *key = n->labels.keys[i];

		for (size_t o = 0; o < ARRAY_SIZE(own); o++)
			if (strcmp(own[o], key) == 0)
				check_pos(k, n->labels.pos[i],
					  "label '%s' is set by the node itself", key);
		if (strncmp(key, "node-role.kubernetes.io/", 24) == 0)
			check_pos(k, n->labels.pos[i], "label '%s' follows from the key 'role'",
				  diag_value(key, shown));
	}
	for (size_t i = 0; i < n->taints_len; i++) {
		for (size_t j = 0; j < i; j++) {
			char path[128];

			if (strcmp(n->taints[i].key, n->taints[j].key) != 0 ||
			    strcmp(n->taints[i].effect, n->taints[j].effect) != 0)
				continue;
			(void)snprintf(path, sizeof(path), "nodes.%s.taints", n->name);
			check_at(k, path, "taint '%s' with %s stands twice", n->taints[i].key,
				 n->taints[i].effect);
		}
	}
}

static void check_control_planes(struct check *k)
{
	size_t n = 0, roles = 0;

	for (size_t i = 0; i < k->c->nodes_len; i++) {
		roles += k->c->nodes[i].role_pos.line > 0;
		n += k->c->nodes[i].role_pos.line > 0 && k->c->nodes[i].role == ROLE_CONTROL_PLANE;
	}
	if (k->c->nodes_len == 0 || roles < k->c->nodes_len)
		return; /* told already */
	if (n == 0)
		check_at(k, "nodes", "no node has role control-plane; one must");
	else if (n % 2 == 0)
		check_at(k, "nodes",
			 "%zu control-planes cannot outvote each other when one fails; make it %zu "
			 "or %zu",
			 n, n - 1, n + 1);
}

void cluster_check_nodes(struct check *k)
{
	for (size_t i = 0; i < k->c->nodes_len; i++) {
		const struct node *n = &k->c->nodes[i];

		check_addresses(k, n);
		check_unique(k, n);
		check_board(k, n);
		check_role(k, n);
		check_labels(k, n);
	}
	check_control_planes(k);
}
