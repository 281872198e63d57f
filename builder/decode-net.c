/* decode-net - addresses, prefixes, ranges and MACs, one or two families in order */
#include "decode.h"

#include <string.h>

/* Called for every item of a list that may hold FAMILIES_MAX or more of them. */
static const struct ynode *list_item(struct decode *d, const struct ynode *v, size_t i, size_t max,
				     const char *what)
{
	if (v->kind != YNODE_SEQ) {
		if (i == 0)
			decode_diagf(d, v, "expected a list of %s, found %s", what, ynode_what(v));
		return NULL;
	}
	if (i == 0 && v->len == 0)
		decode_diagf(d, v, "the list is empty; it holds %s", what);
	if (i >= v->len)
		return NULL;
	if (i >= max) {
		decode_diagf(d, v->items[i], "more than %zu %s", max, what);
		return NULL;
	}
	return v->items[i];
}

/* IPv4 first, then IPv6, one of each: the order that every list of the file has. */
static bool family_order(struct decode *d, const struct ynode *v, size_t i, size_t len,
			 enum ip_family family)
{
	if (len != i)
		return false; /* the one before is wrong: told */
	if (i == 0 && family == IP_V6) {
		decode_diagf(d, v, "IPv4 stands first in every list, then IPv6");
		return false;
	}
	if (i == 1 && family == IP_V4) {
		decode_diagf(d, v, "a second IPv4 entry; a list holds one of IPv4 and one of IPv6");
		return false;
	}
	return true;
}

static json_t *list_schema(unsigned int max, const char *pattern)
{
	return json_pack("{s:s s:i s:i s:{s:s s:s}}", "type", "array", "minItems", 1, "maxItems",
			 (int)max, "items", "type", "string", "pattern", pattern);
}

/* prefixes of networks */
static void prefixes_decode(struct decode *d, const struct ynode *v, const struct field *f,
			    void *dst)
{
	struct prefix_list *l = dst;
	const struct ynode *item;
	char shown[DIAG_VALUE_MAX], text[IP_TEXT_MAX];

	(void)f;
	l->len = 0;
	for (size_t i = 0; (item = list_item(d, v, i, FAMILIES_MAX, "networks")); i++) {
		const char *s = decode_scalar(d, item, "a network such as 192.168.14.0/24");
		struct ip_prefix p;

		if (!s)
			continue;
		if (ip_prefix_parse(s, &p) < 0) {
			decode_diagf(
				d, item,
				"'%s' is not a network such as 192.168.14.0/24 or \"fd00:1::/64\"",
				diag_value(s, shown));
			continue;
		}
		if (!ip_prefix_is_net(&p)) {
			struct ip_prefix net = p;

			ip_prefix_network(&p, &net.addr);
			decode_diagf(d, item,
				     "%s is an address inside a network; the network is %s", s,
				     ip_prefix_format(&net, text));
			continue;
		}
		if (!family_order(d, item, i, l->len, p.addr.family))
			continue;
		l->items[l->len] = p;
		l->pos[l->len++] = ynode_pos(item);
	}
}
static json_t *prefixes_schema(const struct field *f)
{
	(void)f;
	return list_schema(FAMILIES_MAX, "^[0-9a-fA-F.:]+/[0-9]{1,3}$");
}
const struct field_type type_prefixes = { prefixes_decode, prefixes_schema, "list of networks",
					  NULL, NULL };

/* ranges */
static void ranges_decode(struct decode *d, const struct ynode *v, const struct field *f, void *dst)
{
	struct range_list *l = dst;
	const struct ynode *item;
	char shown[DIAG_VALUE_MAX];

	(void)f;
	l->len = 0;
	for (size_t i = 0; (item = list_item(d, v, i, FAMILIES_MAX, "address ranges")); i++) {
		const char *s =
			decode_scalar(d, item, "a range such as 192.168.14.50-192.168.14.54");
		struct ip_range range;
		int r;

		if (!s)
			continue;
		r = ip_range_parse(s, &range);
		if (r < 0) {
			decode_diagf(d, item,
				     "'%s' is not a range such as 192.168.14.50-192.168.14.54"
				     " (first address, '-', last address, no blanks)",
				     diag_value(s, shown));
			continue;
		}
		if (!family_order(d, item, i, l->len, range.first.family))
			continue;
		l->items[l->len] = range;
		l->pos[l->len++] = ynode_pos(item);
	}
}
static json_t *ranges_schema(const struct field *f)
{
	(void)f;
	return list_schema(FAMILIES_MAX, "^[0-9a-fA-F.:]+-[0-9a-fA-F.:]+$");
}
const struct field_type type_ranges = { ranges_decode, ranges_schema, "list of address ranges",
					NULL, NULL };

/* addresses of hosts; arg: struct uint_rule, its max is the length, min 1: one of each family */
static bool addr_item(struct decode *d, const struct ynode *item, struct ip_addr *ret)
{
	const char *s = decode_scalar(d, item, "an IP address");
	char shown[DIAG_VALUE_MAX];

	if (!s)
		return false;
	if (ip_addr_parse(s, ret) == 0)
		return true;
	if (strchr(s, '/'))
		decode_diagf(
			d, item,
			"'%s' is not an IP address; no prefix length stands here, it follows from "
			"network.subnets",
			diag_value(s, shown));
	else
		decode_diagf(d, item, "'%s' is not an IP address", diag_value(s, shown));
	return false;
}

static void addrs_decode(struct decode *d, const struct ynode *v, const struct field *f, void *dst)
{
	const struct uint_rule *rule = f->arg;
	struct addr_list *l = dst;
	const struct ynode *item;
	char text[IP_TEXT_MAX];

	l->len = 0;
	for (size_t i = 0; (item = list_item(d, v, i, rule->max, "addresses")); i++) {
		struct ip_addr a;
		bool again = false;

		if (!addr_item(d, item, &a))
			continue;
		if (rule->min && !family_order(d, item, i, l->len, a.family))
			continue;
		for (size_t k = 0; k < l->len; k++)
			again |= ip_addr_cmp(&l->items[k], &a) == 0;
		if (again) {
			decode_diagf(d, item, "%s stands twice in the list",
				     ip_addr_format(&a, text));
			continue;
		}
		if (l->len > 0 && l->items[l->len - 1].family == IP_V6 && a.family == IP_V4) {
			decode_diagf(d, item, "IPv4 stands first in every list, then IPv6");
			continue;
		}
		l->items[l->len] = a;
		l->pos[l->len++] = ynode_pos(item);
	}
}
static json_t *addrs_schema(const struct field *f)
{
	return list_schema(((const struct uint_rule *)f->arg)->max, "^[0-9a-fA-F.:]+$");
}
const struct field_type type_addrs = { addrs_decode, addrs_schema, "list of addresses", NULL,
				       NULL };

/* a node's addresses: the prefix length is that of the subnet, filled in by the checks */
static void node_addrs_decode(struct decode *d, const struct ynode *v, const struct field *f,
			      void *dst)
{
	static const struct uint_rule one_each = { 1, FAMILIES_MAX };
	const struct field plain = { .arg = &one_each };
	struct prefix_list *l = dst;
	struct addr_list addrs = { 0 };

	(void)f;
	addrs_decode(d, v, &plain, &addrs);
	for (l->len = 0; l->len < addrs.len; l->len++) {
		l->items[l->len].addr = addrs.items[l->len];
		l->items[l->len].bits = addrs.items[l->len].family == IP_V4 ? 32 : 128;
		l->pos[l->len] = addrs.pos[l->len];
	}
}
static json_t *node_addrs_schema(const struct field *f)
{
	(void)f;
	return list_schema(FAMILIES_MAX, "^[0-9a-fA-F.:]+$");
}
const struct field_type type_node_addrs = { node_addrs_decode, node_addrs_schema,
					    "list of addresses", NULL, NULL };

/* MAC */
static void mac_decode(struct decode *d, const struct ynode *v, const struct field *f, void *dst)
{
	const char *s = decode_scalar(d, v, "a MAC address");
	char shown[DIAG_VALUE_MAX];
	struct mac_addr m;
	static const struct mac_addr none;

	(void)f;
	if (!s)
		return;
	if (mac_addr_parse(s, &m) < 0)
		decode_diagf(d, v, "'%s' is not a MAC address such as d8:3a:dd:00:00:01",
			     diag_value(s, shown));
	else if (memcmp(&m, &none, sizeof(m)) == 0 || m.bytes[0] & 1)
		decode_diagf(d, v, "%s is no address of a single network card", s);
	else
		*(struct mac_addr *)dst = m;
}
static json_t *mac_schema(const struct field *f)
{
	(void)f;
	return json_pack("{s:s s:s}", "type", "string", "pattern",
			 "^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$");
}
const struct field_type type_mac = { mac_decode, mac_schema, "MAC address", NULL, NULL };
