#include "node-taints.h"

#include "json.h"
#include "test.h"

static char conflict[200];

/* The patch as canonical JSON, "" for none. */
static const char *plan(const char *taints, const char *ours, bool dns_ready, size_t want_len)
{
	static const struct node_taint want[] = {
		{ (char *)(uintptr_t) "dedicated", (char *)(uintptr_t) "ai",
		  (char *)(uintptr_t) "NoSchedule" },
		{ (char *)(uintptr_t) "slow", (char *)(uintptr_t) "",
		  (char *)(uintptr_t) "NoExecute" },
	};
	static struct buf text;
	cleanup_json json_t *node = NULL, *patch = NULL;
	struct err err = { 0 };
	char source[1024];

	(void)snprintf(
		source, sizeof(source),
		"{\"metadata\":{\"resourceVersion\":\"7\",\"annotations\":{\"a\":\"b\"%s%s%s}},"
		"\"spec\":{\"taints\":%s}}",
		ours ? ",\"kiln.dev/taints\":\"" : "", ours ? ours : "", ours ? "\"" : "", taints);
	ASSERT_OK(js_read(source, strlen(source), &node, &err), &err);
	ASSERT_OK(node_taints_plan(node, want, want_len, dns_ready, &patch, conflict,
				   sizeof(conflict), &err),
		  &err);
	buf_done(&text);
	buf_init(&text, 4096);
	if (patch)
		ASSERT_EQ(js_canonical(patch, &text), 0);
	return buf_str(&text);
}

#define DEDICATED "{\"effect\":\"NoSchedule\",\"key\":\"dedicated\",\"value\":\"ai\"}"
#define SLOW "{\"effect\":\"NoExecute\",\"key\":\"slow\"}"
#define OTHERS "{\"effect\":\"NoSchedule\",\"key\":\"node.cilium.io/agent-not-ready\"}"
#define UNREADY "{\"effect\":\"NoExecute\",\"key\":\"dns-unready\",\"value\":\"true\"}"
#define PATCH(ours, list)                                                                          \
	"{\"metadata\":{\"annotations\":{\"kiln.dev/taints\":\"" ours                              \
	"\"},\"resourceVersion\":\"7\"},\"spec\":{\"taints\":[" list "]}}"
#define BOTH "dedicated:NoSchedule,slow:NoExecute"

TEST(taints_are_set_beside_those_of_others)
{
	ASSERT_STR(plan("null", NULL, false, 2), PATCH(BOTH, DEDICATED "," SLOW));
	ASSERT_STR(plan("[" OTHERS "]", NULL, false, 2),
		   PATCH(BOTH, OTHERS "," DEDICATED "," SLOW));
	/* K3s has set them at registration: only the annotation is to be added */
	ASSERT_STR(plan("[" DEDICATED "," SLOW "]", NULL, false, 2),
		   PATCH(BOTH, DEDICATED "," SLOW));
	ASSERT_STR(conflict, "");
}

TEST(taints_that_are_right_are_left)
{
	ASSERT_STR(plan("[" OTHERS "," DEDICATED "," SLOW "]", BOTH, false, 2), "");
	ASSERT_STR(plan("[" OTHERS "]", NULL, false, 0), "");
	ASSERT_STR(plan("null", NULL, false, 0), "");
	ASSERT_STR(conflict, "");
}

TEST(taints_gone_from_the_file_are_taken_off_others_stay)
{
	ASSERT_STR(plan("[" DEDICATED "," OTHERS "," SLOW "]", BOTH, false, 1),
		   PATCH("dedicated:NoSchedule", DEDICATED "," OTHERS));
	ASSERT_STR(plan("[" DEDICATED "," SLOW "]", BOTH, false, 0), PATCH("", ""));
	/* the same key, set by a person: no business of ours */
	ASSERT_STR(plan("[" DEDICATED "]", NULL, false, 0), "");
}

TEST(taints_in_conflict_are_told_not_forced)
{
	/* and never taken for ours at the next look */
	ASSERT_STR(plan("[{\"effect\":\"NoSchedule\",\"key\":\"dedicated\",\"value\":\"x\"}," SLOW
			"]",
			NULL, false, 1),
		   "");
	ASSERT_STR(conflict, "taint dedicated has another value");
	ASSERT_STR(plan("[" SLOW "]", BOTH, false, 2), "");
	ASSERT_STR(conflict, "taint dedicated was taken off");
	/* what we set ourselves may get another value */
	ASSERT_STR(plan("[{\"effect\":\"NoSchedule\",\"key\":\"dedicated\",\"value\":\"old\"}]",
			"dedicated:NoSchedule", false, 1),
		   PATCH("dedicated:NoSchedule", DEDICATED));
	ASSERT_STR(conflict, "");
}

TEST(taint_dns_unready_goes_when_dns_answers)
{
	ASSERT_STR(plan("[" UNREADY "," OTHERS "]", NULL, false, 0), "");
	ASSERT_STR(plan("[" UNREADY "," OTHERS "]", NULL, true, 0), PATCH("", OTHERS));
}

TEST(taints_need_a_version_to_write_under)
{
	cleanup_json json_t *node = json_pack("{s:{}}", "metadata"), *patch = NULL;
	struct err err = { 0 };

	ASSERT_EQ(node_taints_plan(node, NULL, 0, false, &patch, conflict, sizeof(conflict), &err),
		  -EBADMSG);
}
