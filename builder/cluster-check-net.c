/* cluster-check-net - networks, ranges and servers against each other */
#include "cluster-tables.h"
#include "derive.h"

#include <string.h>

#define SUBNET_BITS_MIN 8

const struct ip_prefix *subnet_of(const struct cluster *c, enum ip_family family)
{
	for (size_t s = 0; s < c->network.subnets.len; s++)
		if (c->network.subnets.items[s].addr.family == family)
			return &c->network.subnets.items[s];
	return NULL;
}

static bool overlaps_any(const struct ip_prefix *net, const struct prefix_list *l)
{
	for (size_t i = 0; i < l->len; i++)
		if (l->items[i].addr.family == net->addr.family &&
		    ip_prefix_overlaps(&l->items[i], net))
			return true;
	return false;
}

static unsigned int subnet_bits_max(const struct ip_prefix *net)
{
	return net->addr.family == IP_V4 ? 30 : 126;
}

const struct ip_prefix *subnet_sound(const struct cluster *c, enum ip_family family)
{
	const struct ip_prefix *net = subnet_of(c, family);

	if (!net || net->bits < SUBNET_BITS_MIN || net->bits > subnet_bits_max(net) ||
	    overlaps_any(net, &c->pods) || overlaps_any(net, &c->services))
		return NULL;
	return net;
}

/* A node's prefix length is that of the subnet of its family. */
static void fill_prefix_lengths(struct cluster *c)
{
	for (size_t i = 0; i < c->nodes_len; i++) {
		struct prefix_list *l = &c->nodes[i].addresses;

		for (size_t k = 0; k < l->len; k++) {
			const struct ip_prefix *net = subnet_of(c, l->items[k].addr.family);

			if (net)
				l->items[k].bits = net->bits;
		}
	}
}

void check_families(struct check *k, size_t len, const char *path)
{
	const struct ynode *subnets = check_find(k, "network.subnets"), *n = check_find(k, path);
	size_t want = k->c->network.subnets.len;

	if (want == 0 || len == 0 || len == want || k->families_told)
		return;
	if (n->len != len || subnets->len != want) /* an item is wrong by itself: told */
		return;
	if (want == 2)
		check_at(k, path,
			 "only IPv4 here, but network.subnets has both families; every list has "
			 "both, "
			 "or all of them IPv4 alone");
	else
		check_at(k, path,
			 "IPv6 here, but network.subnets is IPv4 alone; every list has both "
			 "families, "
			 "or all of them IPv4 alone");
}

static bool ip_is_loopback6(const struct ip_addr *a)
{
	static const uint8_t loopback[16] = { [15] = 1 };

	return a->family == IP_V6 && memcmp(a->bytes, loopback, 16) == 0;
}

/* Servers: any number, but a family that the nodes have. */
static void check_servers(struct check *k, const struct addr_list *l, const char *path, bool both)
{
	bool v6 = false, clear = !k->families_told && check_find(k, path)->len == l->len &&
				 !check_told(k, check_find(k, "network.subnets"));

	for (size_t i = 0; i < l->len; i++) {
		const struct ip_addr *a = &l->items[i];
		char text[IP_TEXT_MAX];

		v6 |= a->family == IP_V6;
		if (clear && k->c->network.subnets.len == 1 && a->family == IP_V6)
			check_pos(k, l->pos[i],
				  "an IPv6 server, but network.subnets is IPv4 alone");
		if (a->family == IP_V4 ? a->bytes[0] == 127 : ip_is_loopback6(a))
			check_pos(k, l->pos[i], "%s is the node itself; nothing answers there",
				  ip_addr_format(a, text));
	}
	if (both && clear && k->c->network.subnets.len == 2 && l->len > 0 && !v6)
		check_at(k, path,
			 "only IPv4 here, but network.subnets has both families; every list has "
			 "both, "
			 "or all of them IPv4 alone");
}

/* The network's own address, or IPv4's broadcast address. */
const char *reserved_address(const struct ip_prefix *net, const struct ip_addr *a)
{
	struct ip_addr first, last;

	ip_prefix_network(net, &first);
	if (ip_addr_cmp(&first, a) == 0)
		return "the address of the network itself";
	if (a->family == IP_V4 && net->bits < 31 &&
	    ip_prefix_nth(net, (UINT64_C(1) << (32 - net->bits)) - 1, &last) == 0 &&
	    ip_addr_cmp(&last, a) == 0)
		return "the broadcast address of the network";
	return NULL;
}

static void check_gateways(struct check *k)
{
	const struct addr_list *l = &k->c->network.gateways;

	check_families(k, l->len, "network.gateways");
	for (size_t i = 0; i < l->len; i++) {
		const struct ip_addr *a = &l->items[i];
		const struct ip_prefix *net = subnet_sound(k->c, a->family);
		char text[IP_TEXT_MAX], net_text[IP_TEXT_MAX];
		const char *why;

		if (!net ||
		    (a->family == IP_V6 && a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80))
			continue; /* fe80::1 is what many routers announce */
		why = reserved_address(net, a);
		if (!ip_prefix_contains(net, a))
			check_pos(k, l->pos[i], "gateway %s is outside the subnet %s",
				  ip_addr_format(a, text), ip_prefix_format(net, net_text));
		else if (why)
			check_pos(k, l->pos[i], "%s is %s", ip_addr_format(a, text), why);
	}
}

/* Two lists of networks: the same family may not overlap. */
static void check_overlap(struct check *k, const struct prefix_list *a, const struct prefix_list *b,
			  const char *b_name)
{
	char ta[IP_TEXT_MAX], tb[IP_TEXT_MAX];

	for (size_t i = 0; i < a->len; i++)
		for (size_t j = 0; j < b->len; j++)
			if (a->items[i].addr.family == b->items[j].addr.family &&
			    ip_prefix_overlaps(&a->items[i], &b->items[j]))
				check_pos(k, a->pos[i], "%s overlaps %s of %s",
					  ip_prefix_format(&a->items[i], ta),
					  ip_prefix_format(&b->items[j], tb), b_name);
}

static void check_unicast(struct check *k, const struct prefix_list *l)
{
	char text[IP_TEXT_MAX];

	for (size_t i = 0; i < l->len; i++) {
		const uint8_t *b = l->items[i].addr.bytes;
		bool v4 = l->items[i].addr.family == IP_V4;

		if (v4 ? b[0] == 0 || b[0] == 127 || b[0] >= 224 || (b[0] == 169 && b[1] == 254)
		       : b[0] == 0 || b[0] == 0xff || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80))
			check_pos(k, l->pos[i],
				  "%s is no network that hosts can have (loopback, link-local or "
				  "multicast)",
				  ip_prefix_format(&l->items[i], text));
	}
}

/* K3s: services at most /12 and /112; the tenth address is the cluster's DNS. */
static void check_services(struct check *k)
{
	const struct prefix_list *l = &k->c->services;

	for (size_t i = 0; i < l->len; i++) {
		bool v4 = l->items[i].addr.family == IP_V4;
		unsigned int min = v4 ? 12 : 112, max = v4 ? 28 : 124;

		if (l->items[i].bits < min)
			check_pos(k, l->pos[i],
				  "a /%u of %s is too large for services: K3s takes /%u to /%u",
				  l->items[i].bits, v4 ? "IPv4" : "IPv6", min, max);
		else if (l->items[i].bits > max)
			check_pos(k, l->pos[i],
				  "a /%u of %s is too small for services: K3s takes /%u to /%u",
				  l->items[i].bits, v4 ? "IPv4" : "IPv6", min, max);
	}
}

/* Every node gets its share of pods (pods_node_mask), Kubernetes' limit is 16 bits of nodes. */
static void check_pods(struct check *k)
{
	const struct prefix_list *l = &k->c->pods;

	for (size_t i = 0; i < l->len; i++) {
		bool v4 = l->items[i].addr.family == IP_V4;
		unsigned int bits = l->items[i].bits, mask = pods_node_mask(&l->items[i]);
		unsigned int min = v4 ? 8 : 16, max = v4 ? 24 : 116;
		uint64_t room;

		if (bits < min || bits > max) {
			check_pos(k, l->pos[i],
				  "a /%u of %s does not do for pods: K3s takes /%u to /%u", bits,
				  v4 ? "IPv4" : "IPv6", min, max);
			continue;
		}
		room = UINT64_C(1) << (mask - bits);
		if (room < k->c->nodes_len)
			check_pos(k, l->pos[i],
				  "a /%u gives a /%u to each of %llu nodes; there are %zu nodes",
				  bits, mask, (unsigned long long)room, k->c->nodes_len);
	}
}

static bool addr_listed(const struct addr_list *l, const struct ip_addr *a)
{
	for (size_t i = 0; i < l->len; i++)
		if (ip_addr_cmp(&l->items[i], a) == 0)
			return true;
	return false;
}

/* What a load-balancer range may not hold: an address that somebody has. */
static void check_lb_holds(struct check *k, const struct ip_range *r, struct pos pos)
{
	const struct ip_prefix *net = subnet_of(k->c, r->first.family);
	const struct addr_list *gw = &k->c->network.gateways, *dns = &k->c->network.dns;
	char text[IP_TEXT_MAX];

	if (reserved_address(net, &r->first))
		check_pos(k, pos, "the range begins with %s", reserved_address(net, &r->first));
	if (reserved_address(net, &r->last))
		check_pos(k, pos, "the range ends with %s", reserved_address(net, &r->last));
	for (size_t i = 0; i < gw->len; i++)
		if (ip_range_contains(r, &gw->items[i]))
			check_pos(k, pos, "the range holds the gateway %s",
				  ip_addr_format(&gw->items[i], text));
	for (size_t i = 0; i < dns->len; i++)
		if (ip_range_contains(r, &dns->items[i]) && !addr_listed(gw, &dns->items[i]))
			check_pos(k, pos, "the range holds the DNS server %s",
				  ip_addr_format(&dns->items[i], text));
}

static void check_load_balancer(struct check *k)
{
	const struct range_list *l = &k->c->load_balancer;
	const struct prefix_list *others[] = { &k->c->pods, &k->c->services };
	static const char *const names[] = { "cluster.pods", "cluster.services" };
	char text[IP_TEXT_MAX];

	check_families(k, l->len, "cluster.load_balancer");
	for (size_t i = 0; i < l->len; i++) {
		const struct ip_range *r = &l->items[i];
		const struct ip_prefix *net = subnet_sound(k->c, r->first.family);
		const struct ip_prefix *other = NULL;
		const char *name = "";

		for (size_t o = 0; o < ARRAY_SIZE(others); o++) {
			for (size_t j = 0; j < others[o]->len; j++) {
				if (others[o]->items[j].addr.family == r->first.family &&
				    ip_range_overlaps_prefix(r, &others[o]->items[j])) {
					other = &others[o]->items[j];
					name = names[o];
				}
			}
		}
		if (!net && subnet_of(k->c, r->first.family))
			continue; /* the subnet is wrong: told */
		if (other)
			check_pos(k, l->pos[i], "the range overlaps %s of %s",
				  ip_prefix_format(other, text), name);
		else if (net && !ip_range_in_prefix(r, net))
			check_pos(k, l->pos[i],
				  "the range is outside the subnet %s; only there can nodes answer "
				  "for it",
				  ip_prefix_format(net, text));
		else if (net)
			check_lb_holds(k, r, l->pos[i]);
	}
}

static void check_subnets(struct check *k)
{
	const struct prefix_list *l = &k->c->network.subnets;

	for (size_t i = 0; i < l->len; i++) {
		unsigned int max = subnet_bits_max(&l->items[i]);

		if (l->items[i].bits > max || l->items[i].bits < SUBNET_BITS_MIN)
			check_pos(k, l->pos[i], "a /%u is no subnet of a home network: /8 to /%u",
				  l->items[i].bits, max);
	}
}

/* Where every other list has IPv6 too, it is network.subnets that lacks it. */
static void check_subnet_families(struct check *k)
{
	const struct cluster *c = k->c;
	bool all = c->pods.len == 2 && c->services.len == 2 && c->network.gateways.len == 2;

	for (size_t i = 0; i < c->nodes_len; i++)
		all &= c->nodes[i].addresses.len == 2;
	if (!all || c->network.subnets.len != 1 || check_find(k, "network.subnets")->len != 1)
		return;
	k->families_told = true;
	check_at(
		k, "network.subnets",
		"IPv4 alone here, but every other list has IPv6 too; every list has both families, "
		"or all of them IPv4 alone");
}

void cluster_check_net(struct check *k)
{
	struct cluster *c = k->c;

	fill_prefix_lengths(c);
	check_subnet_families(k);
	check_subnets(k);
	check_unicast(k, &c->network.subnets);
	check_unicast(k, &c->pods);
	check_unicast(k, &c->services);
	check_families(k, c->pods.len, "cluster.pods");
	check_families(k, c->services.len, "cluster.services");
	check_overlap(k, &c->services, &c->pods, "cluster.pods");
	check_overlap(k, &c->network.subnets, &c->pods, "cluster.pods");
	check_overlap(k, &c->network.subnets, &c->services, "cluster.services");
	check_services(k);
	check_pods(k);
	check_gateways(k);
	check_servers(k, &c->network.dns, "network.dns", true);
	check_servers(k, &c->network.ntp, "network.ntp", false);
	check_load_balancer(k);
}
