/*
 * k3s-join - into which cluster this node's K3s starts, settled before it is started
 *
 * A node that has K3s' data starts it: etcd, or the agent's own list of servers, knows the rest. A
 * fresh one must end up in the cluster that is there:
 *  - a worker or a further control-plane joins the server of its seed, or, when that one is
 *    away, another control-plane that answers with the pinned CA;
 *  - fresh control-planes join one after another, in the order of their names: etcd takes one
 *    learner at a time. One that is away is not waited for longer than JOIN_TURN_S;
 *  - the first control-plane founds the cluster only when it is the only one, or when every other
 *    one is up and has no K3s for JOIN_FOUND_S: one of them that answers has the cluster
 *    (this node was imaged anew), and it is joined. One that is off may have it too: then
 *    a person decides, by FOUND_FILE.
 * Where to join stands in K3s' drop-in JOIN_DROP_IN, only when it is not the seed's own.
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOIN_TURN_S 300
#define JOIN_FOUND_S 180
#define JOIN_DROP_IN "etc/rancher/k3s/config.yaml.d/50-kiln-join.yaml"
#define FOUND_FILE "found-cluster" /* below /var/lib/kiln */

struct agent;
struct step_turn;

enum join_door {
	DOOR_SILENT,  /* nobody answers: off, or not reachable */
	DOOR_REFUSED, /* up, and K3s does not run there */
	DOOR_OURS,    /* K3s, with the CA that our token pins */
};
struct k3s_join {
	bool settled;		   /* of the first one, since this program was started */
	uint64_t refused_since_ms; /* all others are up without K3s; 0: not so */
	uint64_t turn_since_ms;	   /* our turn is waited for; 0: not so */
};

enum join_verdict {
	JOIN_FOUND, /* start as the first */
	JOIN_THERE, /* start, joining @ret_at */
	JOIN_LATER,
};
/*
 * What a fresh first control-plane does, from what the @len others answered. @by_hand: a person
 * has said that there is no cluster. JOIN_THERE: *ret_at is one that is ours; JOIN_LATER:
 * *ret_at is one that is silent, or @len when all are up and the time is not.
 */
enum join_verdict join_first(const enum join_door *doors, size_t len, bool by_hand,
			     uint64_t refused_ms, size_t *ret_at);

/* TURN_DONE: K3s may be started. TURN_WAIT with the reason. -EPERM: another cluster's CA. */
int k3s_join_turn(struct agent *a, const char *token, struct step_turn *turn, struct err *err);
