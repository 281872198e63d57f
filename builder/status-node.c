#include "status-node.h"

#include "clock.h"

#include <ctype.h>
#include <string.h>

void status_problem(char dst[STATUS_PROBLEM_MAX], const char *text)
{
	size_t n = 0;

	for (const char *p = text; *p && n + 1 < STATUS_PROBLEM_MAX; p++)
		dst[n++] = iscntrl((unsigned char)*p) ? ' ' : *p;
	dst[n] = '\0';
}

void status_node_take(struct status_node *n, const char *text, size_t len, bool by_api)
{
	cleanup_status_json struct status_json s = { 0 };
	struct err why = { 0 };

	if (status_json_parse(text, len, &s, &why) < 0 || strcmp(s.node, n->node->name) != 0) {
		status_problem(n->problem, why.msg[0] ? why.msg : "another node answers");
		return;
	}
	if (n->known && s.updated_at < n->status.updated_at)
		return;
	/* the same text by the slower way tells nothing new */
	if (n->known && by_api && s.updated_at == n->status.updated_at)
		return;
	status_json_done(&n->status);
	n->status = s;
	s = (struct status_json){ 0 };
	n->known = true;
	n->by_api = by_api;
}

bool status_node_up(const struct status_node *n)
{
	return n->known && n->status.phase == PHASE_READY &&
	       clock_wall_s() < n->status.updated_at + STATUS_STALE_S;
}
