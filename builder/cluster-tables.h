/*
 * cluster-tables - the tables that decode cluster.yaml, one file per section
 *
 * The same tables give the JSON Schema and the list of keys that cluster.yaml(5) must
 * have.
 */
#pragma once

#include "decode.h"

extern const struct field cluster_fields[]; /* cluster.c: the whole file */
extern const struct field system_fields[];  /* cluster-system.c */
extern const struct field storage_fields[];
extern const struct field power_fields[];
extern const struct field node_fields[]; /* cluster-node.c; base struct node */
extern const struct field disk_fields[]; /* base struct disk_selector */
extern const struct field_type type_disk, type_nodes, type_taints, type_labels;
extern const struct field_type type_components; /* cluster-component.c */
void node_done(struct node *n);
void component_done(struct component *c);

/* What the cross-checks share: the model, and the tree to find the place of any value. */
struct check {
	struct decode *d;
	struct cluster *c;
	const struct ynode *root;
	size_t decoded;	    /* mistakes that the decoder told, first in d->diags */
	bool families_told; /* network.subnets lacks the family that all others have */
};
/*
 * A mistake at the value of a dotted path (storage.replicas, nodes.duck.disks.ceph); where
 * that is not written, at its nearest parent that is.
 */
void check_at(struct check *k, const char *path, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* A mistake at a place the model kept. */
void check_pos(struct check *k, struct pos pos, const char *fmt, ...) PRINTF_LIKE(3, 4);
const struct ynode *check_find(const struct check *k, const char *path);
/*
 * Whether the decoder complained at @n or anything beneath: what is missing there may be what
 * was not understood, so a check across values says nothing. @n NULL: no.
 */
bool check_told(const struct check *k, const struct ynode *n);
/* The same for the keys of a mapping alone: unknown ones, and those without a value. */
bool check_keys_told(const struct check *k, const struct ynode *n);

/* The list at @path has as many families as network.subnets. */
void check_families(struct check *k, size_t len, const char *path);
const struct ip_prefix *subnet_of(const struct cluster *c, enum ip_family family);
/* The same, NULL where that subnet itself is told to be wrong. */
const struct ip_prefix *subnet_sound(const struct cluster *c, enum ip_family family);
/* "the broadcast address of the network" and kin; NULL: a host may have it. */
const char *reserved_address(const struct ip_prefix *net, const struct ip_addr *a);

void cluster_check_net(struct check *k);	/* cluster-check-net.c */
void cluster_check_nodes(struct check *k);	/* cluster-check-nodes.c */
void cluster_check_disks(struct check *k);	/* cluster-check-disks.c */
void cluster_check_components(struct check *k); /* cluster-check-components.c */
void cluster_check_system(struct check *k);	/* cluster-check-system.c */
