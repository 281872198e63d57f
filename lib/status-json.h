/*
 * status-json - status.json: how far a node has come
 *
 * /run/kiln/status.json on the node; a copy in ConfigMap kiln-system/status-<node>
 * for the desk. Times are seconds since 1970.
 *
 * status_json_parse() fills a zeroed struct that status_json_done() releases; errors as in
 * json-table.h. status_json_format() gives the file's text, owned by the caller.
 */
#pragma once

#include "json-table.h"

#define STATUS_SCHEMA 1
#define STATUS_JSON_MAX ((size_t)512 << 10) /* a ConfigMap holds it */

enum status_phase { PHASE_STARTING, PHASE_WORKING, PHASE_WAITING, PHASE_READY, PHASE_FAILED };
enum step_state { STEP_PENDING, STEP_RUNNING, STEP_WAITING, STEP_DONE, STEP_FAILED };
enum component_state {
	COMPONENT_PENDING,
	COMPONENT_APPLYING,
	COMPONENT_GATING,
	COMPONENT_READY,
	COMPONENT_OPEN,
	COMPONENT_HANDED_OVER,
};
const char *status_phase_to_string(enum status_phase p);
const char *step_state_to_string(enum step_state s);
const char *component_state_to_string(enum component_state s);

struct status_step {
	char *name;
	enum step_state state;
	char *reason;	      /* NULL: nothing to say */
	uint64_t since;	      /* when it came into this state */
	unsigned int attempt; /* from 1; 0: not tried */
};
struct status_gate {
	char *name;
	enum step_state state;
	char *reason; /* NULL: nothing to say */
};
struct status_component {
	char *name;
	enum component_state state;
	unsigned int applied, objects;
	char *reason; /* the object or gate that is in the way, in its own words; NULL: none is */
	JSON_LIST_OF(struct status_gate) gates;
};
struct status_json {
	char *node;
	char *boot_id; /* of the kernel, as a UUID */
	uint64_t updated_at;
	enum status_phase phase;
	JSON_LIST_OF(struct status_step) steps;
	JSON_LIST_OF(struct status_component) components;
	struct json_strings addresses; /* "192.168.14.3/26" */
};

int status_json_parse(const char *text, size_t len, struct status_json *ret,
		      struct err *err) MUST_CHECK;
int status_json_format(const struct status_json *s, char **ret, size_t *ret_len,
		       struct err *err) MUST_CHECK;
void status_json_done(struct status_json *s);
#define cleanup_status_json CLEANUP(status_json_done)
