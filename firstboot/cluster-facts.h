/*
 * cluster-facts - what the running cluster knows and every node must: Ceph's fsid, the images
 *
 * They stand in ConfigMap kiln-system/cluster: "fsid", as Rook made it (Secret
 * rook-ceph/rook-ceph-mon), and "images", a line each, those of the bundle. A control-plane
 * writes it, a worker's Role lets it read that one. Each node keeps the fsid in its state
 * (/var/lib/kiln/fsid), so that it knows its own disk also while no API answers.
 */
#pragma once

#include "err.h"
#include "json-table.h"

struct agent;
struct step_turn;

#define CLUSTER_NS "kiln-system"
#define CLUSTER_MAP "/api/v1/namespaces/" CLUSTER_NS "/configmaps/cluster"

struct cluster_facts {
	struct json_strings images; /* owned; of the bundle or of the ConfigMap */
	bool images_known;
	bool fresh;	  /* seen in this boot */
	uint64_t next_ms; /* monotonic; not looked at again before */
	char differs[37]; /* the cluster's fsid when the seed says another one */
};
void cluster_facts_done(struct cluster_facts *f);

/* The state's fsid, where the seed knows none: into a->node.cluster.fsid. */
int cluster_facts_load(struct agent *a, struct err *err) MUST_CHECK;
/*
 * Read the ConfigMap, write it on a control-plane when it lacks something, keep what is new; at
 * most once a minute. TURN_DONE, TURN_WAIT with the reason, or a negative errno.
 */
int cluster_facts_turn(struct agent *a, struct step_turn *turn, struct err *err);
/* The images of this node's own bundle, each once, into a->facts. */
int cluster_facts_bundle(struct agent *a, struct err *err) MUST_CHECK;
/* The list in the ConfigMap: lines to strings, and back. Owned by the caller. */
int cluster_images_parse(const char *text, struct json_strings *ret) MUST_CHECK;
char *cluster_images_format(const struct json_strings *images);
