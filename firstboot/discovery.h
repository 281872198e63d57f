/*
 * discovery - which kinds the API server serves by now, asked seldom and kept
 *
 * One aggregated discovery document tells all; the server answers 304 while nothing
 * is new. A custom resource's kind is in it once its CRD is Established, and writable
 * until the CRD is being deleted.
 * Ownership: a discovery owns its table and borrows the kube of each call.
 * Errors: discovery_refresh() fails for lack of memory alone; an answer that cannot be had
 * leaves the table as it was, discovery_trouble() says why.
 */
#pragma once

#include "kube.h"

struct discovery;

int discovery_new(struct discovery **ret, struct err *err) MUST_CHECK;
void discovery_free(struct discovery *d);
/* Ask, unless it is too early for that (discovery_next_ms()). */
int discovery_refresh(struct discovery *d, struct kube *k, struct err *err) MUST_CHECK;
/*
 * When it may be asked again: a quarter of a second after the last answer and four times as long as
 * that took, for a server that registers kinds is busy, and each one changes the answer.
 */
uint64_t discovery_next_ms(const struct discovery *d);
/* The newest version in which "<plural>.<group>" can be created; NULL: none. Borrowed. */
const char *discovery_version(const struct discovery *d, const char *crd_name);
/* When the table was last known to be right, on clock_ms(); 0: never. */
uint64_t discovery_asked_ms(const struct discovery *d);
const char *discovery_trouble(const struct discovery *d); /* "": none */
