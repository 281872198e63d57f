#include "node-json.h"

static const char *const role_names[] = { "control-plane", "worker", NULL };
static const char *const day_names[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL };
static const char *const unless_names[] = { "ssh", NULL };

const char *node_json_role_to_string(enum node_json_role r)
{
	return role_names[r];
}

static const struct json_field taint_fields[] = {
	JSON_STRING(struct node_taint, key, 0, &json_rule_line),
	JSON_STRING(struct node_taint, value, 0, NULL),
	JSON_STRING(struct node_taint, effect, 0, &json_rule_line),
	{ 0 },
};
static const struct json_field peer_fields[] = {
	JSON_STRING(struct node_peer, name, 0, &json_rule_label),
	JSON_ENUM(struct node_peer, role, role_names),
	JSON_STRINGS(struct node_peer, addresses, &json_rule_line),
	JSON_STRING(struct node_peer, mac, JSON_NULLABLE, &json_rule_mac),
	JSON_BOOL(struct node_peer, on_demand),
	JSON_MAP(struct node_peer, labels),
	JSON_LIST(struct node_peer, taints, taint_fields),
	{ 0 },
};
static const struct json_field ceph_fields[] = {
	JSON_BOOL(struct node_ceph, partition),
	JSON_STRING(struct node_ceph, partition_uuid, JSON_NULLABLE, &json_rule_uuid),
	JSON_STRING(struct node_ceph, partition_label, JSON_NULLABLE, &json_rule_line),
	JSON_OBJECT_PTR(struct node_ceph, disk, disk_match_fields),
	{ 0 },
};
static const struct json_field shutdown_fields[] = {
	JSON_UINT(struct node_shutdown, at_minute),
	JSON_FLAGS(struct node_shutdown, days, day_names),
	JSON_FLAGS(struct node_shutdown, unless, unless_names),
	{ 0 },
};
static const struct json_field bundle_fields[] = {
	JSON_STRING(struct node_bundle, path, 0, &json_rule_line),
	JSON_STRING(struct node_bundle, sha256, 0, &json_rule_sha256),
	{ 0 },
};

/* Members of the inner structs: their offsets count from the whole struct. */
#define IN(part, member) offsetof(struct node_json, part.member)
#define IN_STRING(part, member, f, r)                                                              \
	{                                                                                          \
#member, JSON_KIND_STRING, f, IN(part, member), .rule = (r)                        \
	}
#define IN_STRINGS(part, member)                                                                   \
	{                                                                                          \
#member, JSON_KIND_STRINGS, 0, IN(part, member), .rule = &json_rule_line           \
	}

static const struct json_field cluster_fields[] = {
	IN_STRING(cluster, name, 0, &json_rule_label),
	IN_STRING(cluster, id, 0, &json_rule_id),
	IN_STRING(cluster, domain, 0, &json_rule_line),
	IN_STRING(cluster, api, JSON_NULLABLE, &json_rule_line),
	IN_STRING(cluster, fsid, JSON_NULLABLE, &json_rule_uuid),
	IN_STRING(cluster, dns_domain, 0, &json_rule_line),
	{ 0 },
};
static const struct json_field node_fields[] = {
	IN_STRING(node, name, 0, &json_rule_label),
	{ "role", JSON_KIND_ENUM, 0, IN(node, role), .names = role_names },
	IN_STRING(node, board, 0, &json_rule_label),
	{ "init", JSON_KIND_BOOL, 0, .offset = IN(node, init) },
	IN_STRINGS(node, addresses),
	IN_STRINGS(node, gateways),
	IN_STRINGS(node, dns),
	IN_STRINGS(node, ntp),
	IN_STRING(node, mac, JSON_NULLABLE, &json_rule_mac),
	IN_STRING(node, interface, 0, &json_rule_line),
	{ "vlan", JSON_KIND_UINT, 0, .offset = IN(node, vlan) },
	{ "on_demand", JSON_KIND_BOOL, 0, .offset = IN(node, on_demand) },
	{ "labels", JSON_KIND_MAP, 0, .offset = IN(node, labels) },
	{ "taints", JSON_KIND_LIST, 0, IN(node, taints), .fields = taint_fields,
	  .size = sizeof(struct node_taint) },
	{ 0 },
};
static const struct json_field k3s_fields[] = {
	IN_STRING(k3s, unit, 0, &json_rule_label),
	IN_STRING(k3s, version, 0, &json_rule_line),
	IN_STRING(k3s, server, JSON_NULLABLE, &json_rule_line),
	IN_STRING(k3s, data_dir, 0, &json_rule_line),
	IN_STRINGS(k3s, pods),
	IN_STRINGS(k3s, services),
	IN_STRINGS(k3s, cluster_dns),
	{ 0 },
};
static const struct json_field storage_fields[] = {
	{ "root_size_bytes", JSON_KIND_U64, 0, .offset = IN(storage, root_size_bytes) },
	{ "system_disk", JSON_KIND_OBJECT, 0, IN(storage, system_disk),
	  .fields = disk_match_fields },
	{ "ceph", JSON_KIND_OBJECT_PTR, JSON_NULLABLE, IN(storage, ceph), .fields = ceph_fields,
	  .size = sizeof(struct node_ceph) },
	{ "osd", JSON_KIND_BOOL, 0, .offset = IN(storage, osd) },
	IN_STRINGS(storage, wipe),
	{ 0 },
};
static const struct json_field host_fields[] = {
	IN_STRINGS(host, modules),
	{ "sysctls", JSON_KIND_MAP, 0, .offset = IN(host, sysctls) },
	IN_STRINGS(host, cgroups),
	{ 0 },
};
static const struct json_field power_fields[] = {
	{ "shutdown", JSON_KIND_OBJECT_PTR, JSON_NULLABLE, IN(power, shutdown),
	  .fields = shutdown_fields, .size = sizeof(struct node_shutdown) },
	{ "deadline_s", JSON_KIND_U64, 0, .offset = IN(power, deadline_s) },
	{ 0 },
};
static const struct json_field fields[] = {
	{ "cluster", JSON_KIND_OBJECT, 0, 0, .fields = cluster_fields },
	{ "node", JSON_KIND_OBJECT, 0, 0, .fields = node_fields },
	{ "k3s", JSON_KIND_OBJECT, 0, 0, .fields = k3s_fields },
	{ "storage", JSON_KIND_OBJECT, 0, 0, .fields = storage_fields },
	{ "host", JSON_KIND_OBJECT, 0, 0, .fields = host_fields },
	JSON_LIST(struct node_json, peers, peer_fields),
	{ "power", JSON_KIND_OBJECT, 0, 0, .fields = power_fields },
	JSON_U64(struct node_json, clock_floor),
	JSON_OBJECT_PTR(struct node_json, bundle, bundle_fields),
	{ 0 },
};

static const struct json_doc doc = {
	.what = "node.json",
	.schema = NODE_SCHEMA,
	.fields = fields,
	.max_bytes = NODE_JSON_MAX,
};

int node_json_parse(const char *text, size_t len, struct node_json *ret, struct err *err)
{
	struct node_json s = { 0 };
	int r = json_doc_parse(&doc, text, len, &s, err);

	if (r < 0)
		return r;
	*ret = s;
	return 0;
}

int node_json_format(const struct node_json *s, char **ret, size_t *ret_len, struct err *err)
{
	return json_doc_format(&doc, s, ret, ret_len, err);
}

void node_json_done(struct node_json *s)
{
	json_table_done(fields, s);
}
