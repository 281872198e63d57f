/* cluster-node - the section nodes: machines, their disks, labels and taints */
#include "cluster-tables.h"
#include "schema.h"

#include <ctype.h>
#include <string.h>

#define N(member) offsetof(struct node, member)
#define D(member) offsetof(struct disk_selector, member)

static const struct enum_name role_names[] = {
	{ "control-plane", ROLE_CONTROL_PLANE },
	{ "worker", ROLE_WORKER },
	{ 0 },
};
static const struct enum_name stepping_names[] = {
	{ "auto", STEPPING_AUTO },
	{ "c0", STEPPING_C0 },
	{ "d0", STEPPING_D0 },
	{ 0 },
};
static const struct enum_name osd_names[] = { { "auto", OSD_AUTO },
					      { "always", OSD_ALWAYS },
					      { 0 } };

/* transport is kept as its word */
static const char *const transports[] = { "nvme", "sata", "usb", "mmc", "virtio" };
static bool is_transport(const char *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(transports); i++)
		if (strcmp(transports[i], s) == 0)
			return true;
	return false;
}
static const struct text_rule rule_transport = { "a transport: nvme, sata, usb, mmc or virtio",
						 is_transport, "^(nvme|sata|usb|mmc|virtio)$",
						 NULL };
static bool is_by_id(const char *s)
{
	return *s && !strchr(s, '/') && strlen(s) < 200;
}
static const struct text_rule rule_by_id = { "a name in /dev/disk/by-id", is_by_id, "^[^/]+$",
					     "give the name without the folder" };

/* partition: rest */
static void partition_decode(struct decode *d, const struct ynode *v, const struct field *f,
			     void *dst)
{
	const char *s = decode_scalar(d, v, "rest");
	char shown[DIAG_VALUE_MAX];

	(void)f;
	if (s && strcmp(s, "rest") == 0)
		*(bool *)dst = true;
	else if (s)
		decode_diagf(d, v,
			     "expected rest (what root leaves of the system disk), found '%s'",
			     diag_value(s, shown));
}
static json_t *partition_schema(const struct field *f)
{
	(void)f;
	return json_pack("{s:s}", "const", "rest");
}
static const struct field_type type_partition = { partition_decode, partition_schema,
						  "the word rest", NULL, NULL };

const struct field disk_fields[] = {
	{ "serial", &type_text, D(serial), .arg = &rule_word, .doc = "Serial number of the disk." },
	{ "wwid", &type_text, D(wwid), .arg = &rule_word,
	  .doc = "World-wide id of the disk (eui., naa.)." },
	{ "by_id", &type_text, D(by_id), .arg = &rule_by_id,
	  .doc = "Its name in /dev/disk/by-id." },
	{ "transport", &type_text, D(transport), .arg = &rule_transport,
	  .doc = "How it is attached: nvme, sata, usb, mmc or virtio." },
	{ "min", &type_size, D(min_bytes), .doc = "Smallest size." },
	{ "max", &type_size, D(max_bytes), .doc = "Largest size." },
	{ "partition", &type_partition, D(partition_rest),
	  .doc = "rest: what root leaves of the system disk (disks.ceph only)." },
	{ 0 },
};

static void disk_decode(struct decode *d, const struct ynode *v, const struct field *f, void *dst)
{
	struct disk_selector *s = dst;

	(void)f;
	decode_map(d, v, disk_fields, s);
	s->present = true;
	s->pos = ynode_pos(v->key ? v->key : v);
	if (v->kind == YNODE_MAP && v->len == 0)
		decode_diagf(d, v->key ? v->key : v,
			     "no condition says which disk; give its serial, wwid, by_id, "
			     "transport, min or max");
	else if (s->max_bytes && s->max_bytes < s->min_bytes)
		decode_diagf(d, ynode_get(v, "max"), "max is smaller than min: no disk can match");
}
static json_t *disk_schema(const struct field *f)
{
	json_t *s = schema_object(disk_fields);

	(void)f;
	if (s && json_object_set_new(s, "minProperties", json_integer(1)) < 0) {
		json_decref(s);
		return NULL;
	}
	return s;
}
static void disk_done(void *value)
{
	decode_done(disk_fields, value);
}
const struct field_type type_disk = { disk_decode, disk_schema, "disk selector", NULL, disk_done };

static const struct field disks_fields[] = {
	{ "system", &type_disk, N(system_disk), FIELD_REQUIRED,
	  .doc = "The disk that Kiln is written to; exactly one may match." },
	{ "ceph", &type_disk, N(ceph_disk), .doc = "The disk for Ceph; exactly one may match." },
	{ 0 },
};

/* labels and taints: what Kubernetes takes */
static bool name_part(const char *s, size_t len)
{
	if (len == 0 || len > 63 || !isalnum((unsigned char)s[0]) ||
	    !isalnum((unsigned char)s[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("-_.", s[i]))
			return false;
	return true;
}
static bool qualified_name(const char *s, size_t len)
{
	const char *slash = memchr(s, '/', len);
	size_t prefix = slash ? (size_t)(slash - s) : 0;

	if (!slash)
		return name_part(s, len);
	for (size_t i = 0; i < prefix; i++)
		if (!islower((unsigned char)s[i]) && !isdigit((unsigned char)s[i]) &&
		    !strchr("-.", s[i]))
			return false;
	return prefix > 0 && prefix <= 253 && isalnum((unsigned char)s[0]) &&
	       name_part(slash + 1, len - prefix - 1);
}
static bool label_value(const char *s, size_t len)
{
	return len == 0 || name_part(s, len);
}

static void labels_decode(struct decode *d, const struct ynode *v, const struct field *f, void *dst)
{
	char shown[DIAG_VALUE_MAX];

	type_string_map.decode(d, v, f, dst);
	for (size_t i = 0; v->kind == YNODE_MAP && i < v->len; i++) {
		const char *key = v->keys[i]->text;

		if (!qualified_name(key, strlen(key)))
			decode_diagf(d, v->keys[i], "'%s' is not a label of Kubernetes",
				     diag_value(key, shown));
		else if (v->items[i]->kind == YNODE_SCALAR && !ynode_is_null(v->items[i]) &&
			 !label_value(v->items[i]->text, strlen(v->items[i]->text)))
			decode_diagf(d, v->items[i],
				     "'%s' is not a label's value: letters, digits, '-', '_' and "
				     "'.', 63 at most",
				     diag_value(v->items[i]->text, shown));
	}
}
static json_t *labels_schema(const struct field *f)
{
	(void)f;
	return json_pack("{s:s s:b s:{s:{s:s s:s}}}", "type", "object", "additionalProperties", 0,
			 "patternProperties",
			 "^([a-z0-9.-]+/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$", "type",
			 "string", "pattern", "^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$");
}
static void labels_done(void *value)
{
	string_map_done(value);
}
const struct field_type type_labels = { labels_decode, labels_schema, "mapping of text", NULL,
					labels_done };

static void taints_free(struct node *n)
{
	for (size_t i = 0; i < n->taints_len; i++) {
		free(n->taints[i].key);
		free(n->taints[i].value);
		free(n->taints[i].effect);
	}
	free(n->taints);
}

/* "key=value:Effect" or "key:Effect" */
static bool taint_parse(struct decode *d, const char *s, struct taint *ret)
{
	const char *colon = strrchr(s, ':'), *equal = strchr(s, '=');
	size_t key_len;

	if (!colon || (strcmp(colon, ":NoSchedule") != 0 &&
		       strcmp(colon, ":PreferNoSchedule") != 0 && strcmp(colon, ":NoExecute") != 0))
		return false;
	key_len = (size_t)((equal && equal < colon ? equal : colon) - s);
	if (!qualified_name(s, key_len) ||
	    (equal && equal < colon && !label_value(equal + 1, (size_t)(colon - equal - 1))))
		return false;
	ret->key = strndup(s, key_len);
	ret->value = equal && equal < colon ? strndup(equal + 1, (size_t)(colon - equal - 1))
					    : strdup("");
	ret->effect = decode_strdup(d, colon + 1);
	if (!ret->key || !ret->value)
		d->diags->nomem = true;
	return true;
}

static void taints_decode(struct decode *d, const struct ynode *v, const struct field *f, void *dst)
{
	struct node *n = (struct node *)(void *)((char *)dst - f->offset);
	char shown[DIAG_VALUE_MAX];

	if (v->kind != YNODE_SEQ) {
		decode_diagf(d, v, "expected a list, found %s", ynode_what(v));
		return;
	}
	n->taints = decode_calloc(d, v->len, sizeof(*n->taints));
	for (size_t i = 0; n->taints && i < v->len; i++) {
		const char *s = decode_scalar(d, v->items[i], "a taint");

		if (s && taint_parse(d, s, &n->taints[n->taints_len]))
			n->taints_len++;
		else if (s)
			decode_diagf(d, v->items[i],
				     "'%s' is not a taint such as \"dedicated=ai:NoSchedule\" "
				     "(effects: NoSchedule, PreferNoSchedule, NoExecute)",
				     diag_value(s, shown));
	}
}
static json_t *taints_schema(const struct field *f)
{
	(void)f;
	return json_pack("{s:s s:{s:s s:s}}", "type", "array", "items", "type", "string", "pattern",
			 "^[^:=]+(=[^:]*)?:(NoSchedule|PreferNoSchedule|NoExecute)$");
}
const struct field_type type_taints = { taints_decode, taints_schema, "list of taints", NULL,
					NULL };

const struct field node_fields[] = {
	{ "board", &type_text, N(board), FIELD_REQUIRED, &rule_label, NULL,
	  "The machine's kind: a folder of boards/.", N(board_pos) },
	{ "role", &type_enum, N(role), FIELD_REQUIRED, role_names, NULL, "control-plane or worker.",
	  N(role_pos) },
	{ "addresses", &type_node_addrs, N(addresses), FIELD_REQUIRED, NULL, NULL,
	  "Static addresses, inside the subnets.", 0 },
	{ "mac", &type_mac, N(mac), FIELD_REQUIRED, NULL, NULL, "MAC address of its Ethernet.",
	  N(mac_pos) },
	{ "serial", &type_text, N(machine_serial), 0, &rule_word, NULL,
	  "Serial number of the machine; a seed of another machine is refused then.",
	  N(serial_pos) },
	{ "on_demand", &type_bool, N(on_demand), 0, NULL, "false",
	  "Normally off: nothing waits for it.", N(on_demand_pos) },
	{ "stepping", &type_enum, N(stepping), 0, stepping_names, "auto",
	  "Stepping of a Pi 5's chip, which picks its device tree.", 0 },
	{ "osd", &type_enum, N(osd), 0, osd_names, "auto",
	  "always: an on_demand node's disk is part of CephCluster too.", 0 },
	{ "labels", &type_labels, N(labels), 0, NULL, NULL, "Labels of the Node.", 0 },
	{ "taints", &type_taints, N(taints), 0, NULL, NULL, "Taints of the Node.", 0 },
	{ "disks", &type_map, 0, FIELD_REQUIRED, disks_fields, NULL, "Which disk is for what.", 0 },
	{ 0 },
};

void node_done(struct node *n)
{
	decode_done(node_fields, n);
	taints_free(n);
	free(n->name);
}

static void nodes_decode(struct decode *d, const struct ynode *v, const struct field *f, void *dst)
{
	struct cluster *c =
		(struct cluster *)(void *)((char *)dst - offsetof(struct cluster, nodes));
	char shown[DIAG_VALUE_MAX];

	(void)f;
	if (v->kind != YNODE_MAP || v->len == 0) {
		decode_diagf(d, v->len == 0 && v->key ? v->key : v,
			     "expected a mapping of nodes, found %s",
			     v->kind == YNODE_MAP ? "an empty one" : ynode_what(v));
		return;
	}
	c->nodes = decode_calloc(d, v->len, sizeof(*c->nodes));
	for (size_t i = 0; c->nodes && i < v->len; i++) {
		struct node *n = &c->nodes[c->nodes_len];

		if (!rule_label.valid(v->keys[i]->text)) {
			decode_diagf(d, v->keys[i], "'%s' is not %s",
				     diag_value(v->keys[i]->text, shown), rule_label.what);
		}
		if (cluster_node(c, v->keys[i]->text)) /* told by yaml-doc */
			continue;
		n->name = decode_strdup(d, v->keys[i]->text);
		if (!n->name)
			return;
		n->pos = n->name_pos = ynode_pos(v->keys[i]);
		c->nodes_len++;
		if (ynode_is_null(v->items[i]))
			decode_diagf(d, v->keys[i], "node '%s' has no keys",
				     diag_value(n->name, shown));
		else
			decode_map(d, v->items[i], node_fields, n);
	}
}
static json_t *nodes_schema(const struct field *f)
{
	(void)f;
	return json_pack("{s:s s:i s:b s:{s:o}}", "type", "object", "minProperties", 1,
			 "additionalProperties", 0, "patternProperties", rule_label.pattern,
			 schema_object(node_fields));
}
const struct field_type type_nodes = { nodes_decode, nodes_schema, "mapping of nodes", NULL, NULL };
