/*
 * cluster - the model of cluster.yaml, decoded, defaulted and cross-checked
 *
 * Units are in the names. Every value that a later check may complain about has
 * its position (line and column, both from 1; 0: not written in the file).
 * Ownership: a cluster owns all it points to; cluster_free() accepts NULL.
 * Addresses come in lists of one (IPv4 alone) or two (IPv4, then IPv6) families.
 * Errors: cluster_load() collects every mistake of the file in a diag list
 * (diag.h), in the order of the file, and fails with -EINVAL if there is any.
 */
#pragma once

#include "addr.h"
#include "err.h"

#include <jansson.h>
#include <stdbool.h>

struct diag_list;

#define FAMILIES_MAX 2
#define HOSTS_MAX 8 /* DNS and NTP servers */

struct pos {
	unsigned int line, col;
};

/* A secret is never in cluster.yaml: only the way to get it, used at bake time. */
enum secret_kind { SECRET_NONE, SECRET_ENV, SECRET_FILE, SECRET_COMMAND };
struct secret_ref {
	enum secret_kind kind;
	char *value; /* owned; environment variable or path (relative to cluster.yaml) */
	char **argv; /* owned, NULL-terminated; SECRET_COMMAND only */
	struct pos pos;
};

struct prefix_list {
	struct ip_prefix items[FAMILIES_MAX];
	struct pos pos[FAMILIES_MAX];
	size_t len;
};
struct range_list {
	struct ip_range items[FAMILIES_MAX];
	struct pos pos[FAMILIES_MAX];
	size_t len;
};
struct addr_list {
	struct ip_addr items[HOSTS_MAX];
	struct pos pos[HOSTS_MAX];
	size_t len;
};
struct string_list {
	char **items;	 /* owned, each too */
	struct pos *pos; /* owned; one per item */
	size_t len;
};
struct string_map {	       /* sorted by key */
	char **keys, **values; /* owned, each too */
	struct pos *pos;
	size_t len;
};

enum node_role { ROLE_CONTROL_PLANE, ROLE_WORKER };
enum osd_mode { OSD_AUTO, OSD_ALWAYS }; /* auto: no OSD on an on_demand node */
enum stepping { STEPPING_AUTO, STEPPING_C0, STEPPING_D0 };
enum updates_mode { UPDATES_SECURITY, UPDATES_NONE };

/* Which disk: all given conditions must hold, and exactly one disk may match. */
struct disk_selector {
	bool present;
	char *serial, *wwid, *by_id;   /* owned or NULL */
	char *transport;	       /* owned or NULL: nvme, sata, usb, mmc, virtio */
	uint64_t min_bytes, max_bytes; /* 0: no bound */
	bool partition_rest;	       /* ceph only: what root leaves of the system disk */
	struct pos pos;
};

struct taint {
	char *key, *value, *effect; /* owned; value may be "" */
};

struct node {
	char *name; /* owned; a DNS label */
	char *board;
	enum node_role role;
	struct prefix_list addresses; /* host address, prefix length of the subnet it lies in */
	struct mac_addr mac;
	char *machine_serial; /* owned or NULL: identity of the machine, checked at import */
	bool on_demand;
	enum stepping stepping;
	enum osd_mode osd;
	struct string_map labels;
	struct taint *taints; /* owned */
	size_t taints_len;
	struct disk_selector system_disk, ceph_disk;
	struct pos pos, name_pos, board_pos, role_pos, mac_pos, serial_pos, on_demand_pos;
};

struct component {
	char *name;	 /* owned; what `after` and options refer to */
	char *path;	 /* owned or NULL: a folder of the user's, else bundle/<name>/ */
	json_t *options; /* owned object; known keys, defaults filled in; no secrets */
	struct component_secret {
		char *option; /* owned; dotted path, e.g. issuer.dns01.cloudflare.token */
		struct secret_ref ref;
	} * secrets;
	size_t secrets_len;
	struct pos pos;
};

enum shutdown_unless { UNLESS_SSH = 1 << 0 };

struct cluster {
	char *path;		   /* owned; as given on the command line */
	char *dir;		   /* owned; its folder: .kiln/, kiln.lock, out/ are there */
	char *name, *domain, *api; /* api: extra name of the API server */
	struct {
		char *version; /* v1.35.2+k3s1 */
		bool secrets_encryption;
		json_t *config; /* owned object: further K3s options, checked against role and
				   version */
		char *binary;	/* owned or NULL: a local K3s binary instead of the locked one */
	} k3s;
	struct prefix_list pods, services;
	struct range_list load_balancer;
	struct {
		struct prefix_list subnets;
		struct addr_list gateways, dns, ntp;
		unsigned int vlan; /* 0: untagged */
	} network;
	struct {
		char *timezone, *locale, *user;
		struct string_list ssh_keys, packages;
		enum updates_mode updates;
		uint64_t image_gc_max_age_s;
		/* owned or NULL: mirrors of Debian instead of the desk's own */
		char *mirror, *security_mirror;
	} system;
	struct {
		uint64_t root_size_bytes;
		char *compress; /* zstd:1 */
		char *pool;
		unsigned int replicas;
		char *fsid; /* owned or NULL */
	} storage;
	struct {
		bool has_shutdown;
		unsigned int at_minute; /* of the day, local time */
		unsigned int days;	/* bit 0 Monday .. bit 6 Sunday */
		unsigned int unless;	/* enum shutdown_unless */
		uint64_t deadline_s;
	} power;
	struct node *nodes; /* owned, in the order of the file */
	size_t nodes_len;
	struct component *components; /* owned, in the order of the file */
	size_t components_len;
};

/*
 * Read, decode and cross-check a file. @diags (borrowed) gets every mistake; @err
 * the summary. Boards are looked up in the data folder (datadir.h).
 */
int cluster_load(const char *path, struct cluster **ret, struct diag_list *diags,
		 struct err *err) MUST_CHECK;
/*
 * The same for a text that is in memory; @path names it and gives the folder. -EINVAL with
 * mistakes in @diags, or -ENOMEM.
 */
int cluster_parse(const char *path, const char *text, size_t len, struct cluster **ret,
		  struct diag_list *diags) MUST_CHECK;
/*
 * Whether every secret could be resolved (secrets.h: no command is run); the mistakes
 * join @diags. Not part of cluster_load(): who only asks a running cluster needs none.
 */
int cluster_check_secrets(const struct cluster *c, struct diag_list *diags,
			  struct err *err) MUST_CHECK;
void cluster_free(struct cluster *c);
static inline void cluster_freep(struct cluster **c)
{
	cluster_free(*c);
}
#define cleanup_cluster CLEANUP(cluster_freep)

/* A path of the file, relative to its folder; owned by the caller, NULL: out of memory. */
char *cluster_path(const struct cluster *c, const char *name);
const struct node *cluster_node(const struct cluster *c, const char *name); /* NULL: none */
const struct component *cluster_component(const struct cluster *c, const char *name);
