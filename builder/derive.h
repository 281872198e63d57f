/*
 * derive - facts that follow from cluster.yaml and are needed in more than one place
 *
 * One fact, one place: K3s flags, node.json, NetworkManager profiles, the disk layout
 * and the bundle take these from here. Texts are written to the caller's buffer.
 */
#pragma once

#include "board.h"
#include "cluster.h"
#include "guid.h"

#define DERIVE_URL_MAX 300
#define DERIVE_IFNAME_MAX 32
#define CEPH_PART_LABEL "ceph-osd"
#define CLUSTER_DNS_DOMAIN "cluster.local"
#define K3S_DATA_DIR "/var/lib/rancher/k3s"
#define CLUSTER_DNS_INDEX 10 /* of each service range, as K3s has it */

/* The first control-plane of the file: it makes the cluster, the others join it. */
const struct node *cluster_init_node(const struct cluster *c);
size_t cluster_count_role(const struct cluster *c, enum node_role role);
/* Whether any node has a disk for Ceph (or rook-ceph is among the components). */
bool cluster_has_ceph(const struct cluster *c);
/* Whether the disk of this node is part of CephCluster. */
bool node_has_osd(const struct node *n);
bool cluster_dual_stack(const struct cluster *c);

/*
 * Prefix length of one node's share of a pod range: /24 of IPv4; of IPv6 16 bits more than
 * the range (Kubernetes' limit), at least /64 where that is allowed and at most /120.
 */
unsigned int pods_node_mask(const struct ip_prefix *pods);

/* "https://192.168.14.3:6443" to join by; NULL on the first control-plane. */
const char *node_k3s_server(const struct cluster *c, const struct node *n,
			    char dst[DERIVE_URL_MAX]);
/* The interface that has the addresses: the board's, or "vlan<ID>" on top of it. */
const char *node_interface(const struct cluster *c, const struct board *b,
			   char dst[DERIVE_IFNAME_MAX]);
/* "cow.home.example.org", "cow" without a domain; @size as given. */
const char *node_fqdn(const struct cluster *c, const struct node *n, char *dst, size_t size);

/* GUID of the partition entry for Ceph on the system disk; the same after a re-image. */
void node_ceph_partition_guid(const char *cluster_id, const struct node *n, struct guid *ret);
/* GPT type of the root partition of an architecture: root-arm64, root-x86-64; NULL: unknown. */
const char *root_partition_type(const char *arch); /* systemd's name */
