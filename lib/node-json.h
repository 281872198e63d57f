/*
 * node-json - node.json: all that kiln-node must know of its node and cluster
 *
 * /etc/kiln/node.json, 0600, in the seed. Addresses are "ADDR/BITS" or "ADDR" texts, IPv4
 * first; sizes bytes, times seconds.
 *
 * node_json_parse() fills a zeroed struct that node_json_done() releases; errors as in
 * json-table.h. node_json_format() gives the file's text, owned by the caller.
 */
#pragma once

#include "disk-match.h"

#define NODE_SCHEMA 1
#define NODE_JSON_MAX ((size_t)1 << 20)

enum node_json_role { NODE_CONTROL_PLANE, NODE_WORKER };
const char *node_json_role_to_string(enum node_json_role r); /* "control-plane", "worker" */

struct node_taint {
	char *key, *value, *effect; /* value may be "" */
};
struct node_peer { /* another node of the cluster */
	char *name;
	enum node_json_role role;
	struct json_strings addresses; /* "192.168.14.4/26", … */
	char *mac;		       /* NULL: unknown */
	bool on_demand;
	struct json_map labels;
	JSON_LIST_OF(struct node_taint) taints;
};
struct node_ceph {
	bool partition;		 /* what root leaves of the system disk */
	char *partition_uuid;	 /* GUID of that entry; NULL with a whole disk */
	char *partition_label;	 /* its GPT label; NULL with a whole disk */
	struct disk_match *disk; /* a whole disk; NULL with a partition */
};
struct node_shutdown {
	unsigned int at_minute; /* of the day, local time */
	unsigned int days;	/* bit 0 Monday … bit 6 Sunday; names in the JSON */
	unsigned int unless;	/* enum node_unless; names in the JSON */
};
enum node_unless { NODE_UNLESS_SSH = 1 << 0 };
struct node_bundle {
	char *path, *sha256;
};
struct node_json {
	struct {
		char *name, *id, *domain;
		char *api;	  /* further name of the API server; NULL: none */
		char *fsid;	  /* Ceph's; NULL: not known */
		char *dns_domain; /* "cluster.local" */
	} cluster;
	struct {
		char *name, *board;
		enum node_json_role role;
		bool init; /* the first control-plane: it makes the cluster */
		struct json_strings addresses, gateways, dns, ntp;
		char *mac;	   /* NULL: unknown */
		char *interface;   /* that has the addresses, by the board's kernel */
		unsigned int vlan; /* 0: untagged */
		bool on_demand;
		struct json_map labels;
		JSON_LIST_OF(struct node_taint) taints;
	} node;
	struct {
		char *unit; /* k3s.service or k3s-agent.service without the suffix */
		char *version;
		char *server;	/* https://…:6443 to join; NULL on the first control-plane */
		char *data_dir; /* /var/lib/rancher/k3s */
		struct json_strings pods, services, cluster_dns;
	} k3s;
	struct {
		uint64_t root_size_bytes;
		struct disk_match system_disk;
		struct node_ceph *ceph; /* NULL: no disk for Ceph */
		bool osd;		/* the disk is part of CephCluster */
		struct json_strings wipe;
	} storage;
	struct {
		struct json_strings modules; /* loaded at boot */
		struct json_map sysctls;     /* "net.ipv4.ip_forward": "1" */
		struct json_strings cgroups; /* controllers that must be there */
	} host;
	JSON_LIST_OF(struct node_peer) peers; /* every other node, in the order of the file */
	struct {
		struct node_shutdown *shutdown; /* NULL: no timer */
		uint64_t deadline_s;
	} power;
	uint64_t clock_floor;	    /* the clock is never before it */
	struct node_bundle *bundle; /* NULL: none on this node */
};

int node_json_parse(const char *text, size_t len, struct node_json *ret,
		    struct err *err) MUST_CHECK;
int node_json_format(const struct node_json *s, char **ret, size_t *ret_len,
		     struct err *err) MUST_CHECK;
void node_json_done(struct node_json *s);
#define cleanup_node_json CLEANUP(node_json_done)
