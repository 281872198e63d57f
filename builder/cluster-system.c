/* cluster-system - the sections system, storage and power */
#include "cluster-tables.h"
#include "parse.h"

#include <string.h>

#define C(member) offsetof(struct cluster, member)
#define GiB ((uint64_t)1 << 30)

static const struct enum_name updates_names[] = {
	{ "security", UPDATES_SECURITY },
	{ "none", UPDATES_NONE },
	{ 0 },
};
static const struct u64_rule gc_rule = { 3600, 365 * 86400 };
static const struct field image_gc_fields[] = {
	{ "max_age", &type_duration, C(system.image_gc_max_age_s), .arg = &gc_rule, .def = "72h",
	  .doc = "Container images unused for this long are removed." },
	{ 0 },
};
const struct field system_fields[] = {
	{ "timezone", &type_text, C(system.timezone), .arg = &rule_timezone, .def = "UTC",
	  .doc = "Time zone of the nodes and of power.shutdown." },
	{ "locale", &type_text, C(system.locale), .arg = &rule_locale, .def = "C.UTF-8",
	  .doc = "Locale of the nodes." },
	{ "user", &type_text, C(system.user), .arg = &rule_user, .def = "k3s",
	  .doc = "The only login account: key only, with sudo." },
	{ "ssh_keys", &type_strings, C(system.ssh_keys), FIELD_REQUIRED | FIELD_NONEMPTY,
	  &rule_ssh_key, .doc = "Public keys that may log in." },
	{ "packages", &type_strings, C(system.packages), .arg = &rule_package,
	  .doc = "Debian packages on top of what the boards and the roles need." },
	{ "updates", &type_enum, C(system.updates), .arg = updates_names, .def = "security",
	  .doc = "What the nodes install by themselves." },
	{ "image_gc", &type_map, .arg = image_gc_fields,
	  .doc = "Clean-up of unused container images." },
	{ "mirror", &type_text, C(system.mirror), .arg = &rule_url,
	  .doc = "Debian mirror of the images; without the key that of the desk." },
	{ "security_mirror", &type_text, C(system.security_mirror), .arg = &rule_url,
	  .doc = "Mirror of Debian's security updates; without the key that of the desk." },
	{ 0 },
};

static const struct u64_rule root_rule = { 8 * GiB, 16384 * GiB };
static const struct uint_rule replicas_rule = { 1, 5 };
static const struct field root_fields[] = {
	{ "size", &type_size, C(storage.root_size_bytes), .arg = &root_rule, .def = "64GiB",
	  .doc = "The root partition grows to this on first boot; less on a smaller disk." },
	{ "compress", &type_text, C(storage.compress), .arg = &rule_compress, .def = "zstd:1",
	  .doc = "Compression of the root file system." },
	{ 0 },
};
const struct field storage_fields[] = {
	{ "root", &type_map, .arg = root_fields, .doc = "The root file system." },
	{ "pool", &type_text, C(storage.pool), .arg = &rule_label, .def = "ceph",
	  .doc = "Ceph block pool; its StorageClass is <pool>-block." },
	{ "replicas", &type_uint, C(storage.replicas), .arg = &replicas_rule, .def = "2",
	  .doc = "Copies that the pool keeps, each on another node." },
	{ "fsid", &type_text, C(storage.fsid), .arg = &rule_uuid,
	  .doc = "Ceph's cluster id, where .kiln/secrets does not know it." },
	{ 0 },
};

static const struct enum_name unless_names[] = { { "ssh", UNLESS_SSH }, { 0 } };
static const struct u64_rule deadline_rule = { 60, 86400 };
static const struct field shutdown_fields[] = {
	{ "at", &type_clock, C(power.at_minute), FIELD_REQUIRED,
	  .doc = "Local time of the shutdown." },
	{ "days", &type_days, C(power.days), .def = "daily",
	  .doc = "daily, weekdays, weekends or a list of mon to sun." },
	{ "unless", &type_flags, C(power.unless), .arg = unless_names,
	  .doc = "What puts it off: ssh, while someone is logged in." },
	{ 0 },
};

/* A mapping that is there or not: has_shutdown tells. */
static void shutdown_decode(struct decode *d, const struct ynode *v, const struct field *f,
			    void *dst)
{
	(void)f;
	decode_map(d, v, shutdown_fields, (char *)dst - C(power.has_shutdown));
	*(bool *)dst = true;
}
static json_t *shutdown_schema(const struct field *f)
{
	const struct field map = { .type = &type_map, .arg = shutdown_fields };

	(void)f;
	return type_map.schema(&map);
}
static const struct field_type type_shutdown = { shutdown_decode, shutdown_schema, "mapping", NULL,
						 NULL };

const struct field power_fields[] = {
	{ "shutdown", &type_shutdown, C(power.has_shutdown), .arg = shutdown_fields,
	  .doc = "The daily shutdown; kept in node.json, kiln-node does not act on it yet." },
	{ "deadline", &type_duration, C(power.deadline_s), .arg = &deadline_rule, .def = "15min",
	  .doc = "What a shutdown may take before it is forced." },
	{ 0 },
};
