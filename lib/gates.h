/*
 * gates - the closed list of gate names: what a component must show to be up
 *
 * A gate stands in component.yaml and index.json as {name, hard, timeout_s, args}.
 * The builder refuses names and arguments that are not here, the agent
 * implements all of them (docs/components.md says what each one looks at).
 * Gates that name an object replace the kind rule for that object.
 */
#pragma once

#include "err.h"

#include <jansson.h>
#include <stdbool.h>

enum gate_id {
	GATE_CILIUM_HEALTH,
	GATE_LB_POOL,
	GATE_L2_POLICY,
	GATE_DNS_QUERY,
	GATE_CERT_MANAGER_WEBHOOK,
	GATE_ISSUER_READY,
	GATE_CERTIFICATE_READY,
	GATE_LB_ADDRESS,
	GATE_DEPLOYMENT_AVAILABLE,
	GATE_DAEMONSET_READY,
	GATE_STATEFULSET_READY,
	GATE_JOB_COMPLETE,
	GATE_PVC_BOUND,
	GATE_ARGOCD_READY,
	GATE_APPLICATION_SYNCED,
	GATE_ROOK_OPERATOR,
	GATE_CSI_DRIVER,
	GATE_CEPH_CLUSTER,
	GATE_STORAGE_CLASS,
	GATE_GARAGE_LAYOUT,
	GATE_CONDITION,
};

enum gate_arg_type { GATE_ARG_STRING, GATE_ARG_STRINGS, GATE_ARG_UINT };
struct gate_arg {
	const char *name;
	enum gate_arg_type type;
	bool required;
};
#define GATE_ARGS_MAX 7
struct gate_def {
	const char *name; /* "dns-query" */
	enum gate_id id;
	const char *summary;			 /* what is looked at, one line */
	struct gate_arg args[GATE_ARGS_MAX + 1]; /* ends with a NULL name */
	/* The object whose kind rule the gate replaces; name and namespace are the args of those
	 * names. */
	const char *covers_kind; /* "Deployment", or NULL: none */
};

extern const struct gate_def gate_defs[]; /* ends with a NULL name */

const struct gate_def *gate_find(const char *name); /* NULL: no such gate */
/* -EINVAL: an argument is missing, unknown or of the wrong type; @err names it. */
int gate_check_args(const struct gate_def *g, const json_t *args, struct err *err) MUST_CHECK;

/* Arguments of a checked gate: NULL, 0 when absent. */
const char *gate_arg_string(const json_t *args, const char *name);
uint64_t gate_arg_uint(const json_t *args, const char *name, uint64_t otherwise);
