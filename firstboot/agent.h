/*
 * agent - what kiln-node run knows and holds while it turns its steps
 *
 * All paths are taken below root ("/" but for tests: $KILN_ROOT). Ownership: the agent
 * owns everything here. One thread, no locks.
 */
#pragma once

#include "address-probe.h"
#include "ceph-range.h"
#include "cluster-facts.h"
#include "k3s-join.h"
#include "link-watch.h"
#include "journal.h"
#include "kube.h"
#include "node-json.h"
#include "sequence.h"
#include "step.h"

#define STATE_DIR "var/lib/kiln"
#define RUN_DIR "run/kiln"

struct agent {
	char *root; /* owned; "/" or a test's folder, no slash at its end but for "/" */
	int root_fd, state_fd, run_fd; /* owned */
	struct node_json node;
	struct journal *journal;
	struct engine engine;
	struct kube *kube;	      /* NULL until the k3s step could make it */
	struct bundle_reader *bundle; /* these three: NULL until the sequence step made them */
	struct journal *sequence_journal;
	struct sequence *sequence;
	int64_t started_s; /* monotonic seconds */
	char boot_id[37];
	struct ceph_scan ceph_scan;   /* of step ceph-disk, until the range is known */
	struct ceph_range ceph_range; /* of Ceph's partition, when it was judged in this boot */
	struct cluster_facts facts;
	struct link_watch link;
	struct address_probe twins; /* who else has this node's addresses */
	struct k3s_join join;
	uint64_t services_ms;	  /* when DNS and NTP are looked at again, monotonic; 0: not yet */
	char services[200];	  /* which of them do not answer */
	uint64_t images_since_ms; /* of step images, monotonic; 0: not looked at yet */
	bool report_ready; /* namespace and Roles of step-report.c were applied in this boot */
};
#define AGENT_INIT                                                                                 \
	{                                                                                          \
		.root_fd = -EBADF, .state_fd = -EBADF, .run_fd = -EBADF,                           \
		.twins = ADDRESS_PROBE_INIT                                                        \
	}

/* Read node.json, open the journal. -ENOENT: no seed was imported. */
int agent_open(struct agent *a, const struct step *steps, struct err *err) MUST_CHECK;
/* The same without the journal and the engine, beside an agent that runs: for commands that look.
 */
int agent_open_reading(struct agent *a, struct err *err) MUST_CHECK;
void agent_done(struct agent *a);
#define cleanup_agent CLEANUP(agent_done)

/* A small file below root, read whole; -ENOENT as it is, without a message of its own. */
int agent_read(const struct agent *a, const char *path, char **ret, struct err *err) MUST_CHECK;
/* "<root>/<path>", owned by the caller. */
char *agent_path(const struct agent *a, const char *path);
/* a->bundle is open, of the digest that the seed says; -ENOENT: no bundle on this node. */
int agent_bundle(struct agent *a, struct err *err) MUST_CHECK;
/* status.json from the engine's state, replaced atomically; and STATUS= for systemd. */
int agent_write_status(struct agent *a, struct err *err) MUST_CHECK;

extern const struct step agent_steps[];

/* The device of a kernel name, "<root>/dev/<name>"; owned by the caller. */
char *agent_device(const struct agent *a, const char *name);
/* a->root as a prefix of "/sys": "" for "/". */
const char *agent_prefix(const struct agent *a);

int step_ceph_disk(struct agent *a, struct step_turn *turn, struct err *err);
int step_disk(struct agent *a, struct step_turn *turn, struct err *err);
int step_clock(struct agent *a, struct step_turn *turn, struct err *err);
int step_host(struct agent *a, struct step_turn *turn, struct err *err);
int step_network(struct agent *a, struct step_turn *turn, struct err *err);
int step_k3s(struct agent *a, struct step_turn *turn, struct err *err);
int step_images(struct agent *a, struct step_turn *turn, struct err *err);
int step_labels(struct agent *a, struct step_turn *turn, struct err *err);
int step_sequence(struct agent *a, struct step_turn *turn, struct err *err);
int step_report(struct agent *a, struct step_turn *turn, struct err *err);
