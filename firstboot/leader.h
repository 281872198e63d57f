/*
 * leader - which control-plane sequences: one holder of Lease kiln-system/sequence
 *
 * As client-go elects: a lease is free when nobody holds it, or when it was not seen to change
 * for its whole duration by this machine's own clock; the times written in it are
 * never compared with ours, so that a wrong clock takes nothing from anybody. A change goes out
 * with the resourceVersion that was read, so of two that try one fails.
 * Who leads may write until LEADER_SURE_MS after it last renewed; a request lives for
 * less than what is left of the duration then, so that none of ours arrives when another may
 * lead. Time stands by CLOCK_BOOTTIME: a machine that slept has lost.
 * Ownership: a leader owns its texts; the kube is borrowed for each call.
 * Errors: lack of memory alone; trouble with the server means not to lead.
 */
#pragma once

#include "kube.h"

#define LEADER_DURATION_S 20
#define LEADER_RENEW_MS 3000
#define LEADER_SURE_MS 10000

struct leader;

int leader_new(const char *identity, struct leader **ret, struct err *err) MUST_CHECK;
void leader_free(struct leader *l);
/*
 * Renew the lease when that is due; try to get it when it is wanted and may be free. *ret_won:
 * it is ours since this call: what another did meanwhile has to be read first.
 */
int leader_turn(struct leader *l, struct kube *k, bool wanted, bool *ret_won,
		struct err *err) MUST_CHECK;
/* May we write now? Asks the clock alone. */
bool leader_is_sure(const struct leader *l);
/* Milliseconds until leader_turn() has something to do. */
unsigned int leader_wait_ms(const struct leader *l);
/* Let another have it; best effort. */
void leader_release(struct leader *l, struct kube *k);
/* Who holds it, "" unknown, for people; and why it cannot be had. */
const char *leader_holder(const struct leader *l);
const char *leader_trouble(const struct leader *l);
