/*
 * ready-internal - the rules of ready.c that are in files of their own, and what rules share
 *
 * A rule is asked after the rule for all kinds; it leaves @ret alone when the object is ready.
 */
#pragma once

#include "ready.h"

/* Not ready because status.<key> is below @want; true: said. */
bool ready_short_of(const json_t *o, const char *key, int64_t want, struct readiness *ret);
bool ready_condition_false(const json_t *object, const char *type);
/* Status, reason and message of a condition. */
void ready_say_condition(const json_t *object, const char *type, enum ready_state state,
			 struct readiness *ret);

/* A controller that has not looked yet: what status says is about another spec, or nothing. */
bool ready_unobserved(const json_t *o, struct readiness *ret);
/* Condition Available is True, condition Ready is True. */
void ready_rule_available(const json_t *o, struct readiness *ret);
void ready_rule_ready(const json_t *o, struct readiness *ret);
/* ready-work.c */
void ready_rule_deployment(const json_t *o, struct readiness *ret);
void ready_rule_daemonset(const json_t *o, struct readiness *ret);
void ready_rule_statefulset(const json_t *o, struct readiness *ret);
void ready_rule_replicaset(const json_t *o, struct readiness *ret);
void ready_rule_pod(const json_t *o, struct readiness *ret);
void ready_rule_job(const json_t *o, struct readiness *ret);
/* ready-custom.c */
void ready_rule_certificate(const json_t *o, struct readiness *ret);
void ready_rule_phase_ready(const json_t *o, struct readiness *ret); /* status.phase is Ready */
void ready_rule_object_store(const json_t *o, struct readiness *ret);
void ready_rule_ceph_cluster(const json_t *o, struct readiness *ret);
void ready_rule_application(const json_t *o, struct readiness *ret);
void ready_rule_other(const json_t *o, struct readiness *ret); /* no rule of its own */
