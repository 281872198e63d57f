/* Of a node's answers the newer one counts, and none of another node. */
#include "status-node.h"
#include "clock.h"
#include "test.h"

#include <string.h>

static struct node cow = { .name = (char *)"cow" };

static void take(struct status_node *n, const char *name, const char *phase, uint64_t at,
		 bool by_api)
{
	char text[1024];
	int len = snprintf(text, sizeof(text),
			   "{\"schema\": 1, \"node\": \"%s\", "
			   "\"boot_id\": \"01234567-89ab-cdef-0123-456789abcdef\", "
			   "\"updated_at\": %llu, \"phase\": \"%s\", \"addresses\": [], "
			   "\"steps\": [], \"components\": []}",
			   name, (unsigned long long)at, phase);

	status_node_take(n, text, (size_t)len, by_api);
}

TEST(status_node_takes_the_newer_answer)
{
	struct status_node n = { .node = &cow };
	uint64_t now = clock_wall_s();

	take(&n, "cow", "working", now, false);
	ASSERT_STR(n.problem, "");
	ASSERT(n.known && !n.by_api && !status_node_up(&n));
	take(&n, "cow", "ready", now - 1, true); /* older */
	ASSERT_EQ(n.status.phase, PHASE_WORKING);
	take(&n, "cow", "ready", now, true); /* the same moment, by the slower way */
	ASSERT(!n.by_api);
	take(&n, "cow", "ready", now + 1, true);
	ASSERT(n.by_api && status_node_up(&n));
	status_json_done(&n.status);
}

TEST(status_node_that_has_gone_silent_is_not_up)
{
	struct status_node n = { .node = &cow };

	take(&n, "cow", "ready", clock_wall_s() - STATUS_STALE_S - 1, true);
	ASSERT(n.known && !status_node_up(&n));
	status_json_done(&n.status);
}

TEST(status_node_refuses_what_is_not_its_own)
{
	struct status_node n = { .node = &cow };

	take(&n, "hen", "ready", clock_wall_s(), false);
	ASSERT(!n.known);
	ASSERT_STR(n.problem, "another node answers");
	status_node_take(&n, "{", 1, false);
	ASSERT(!n.known && n.problem[0] && strcmp(n.problem, "another node answers") != 0);
}

TEST(status_problem_is_a_line_for_a_terminal)
{
	char text[STATUS_PROBLEM_MAX], longer[2 * STATUS_PROBLEM_MAX];

	status_problem(text, "one\n\033[2Jtwo");
	ASSERT_STR(text, "one  [2Jtwo");
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	status_problem(text, longer);
	ASSERT_EQ(strlen(text), STATUS_PROBLEM_MAX - 1);
}
