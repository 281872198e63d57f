#include "handover.h"
#include "test.h"

#include "json.h"

static json_t *parse(const char *text)
{
	json_t *j = json_loads(text, 0, NULL);

	ASSERT(j != NULL);
	return j;
}

static void expect(const char *before, bool ours, const char *after)
{
	cleanup_json json_t *in = parse(before), *want = parse(after), *got = NULL;
	bool had;

	got = handover_fields(in, "kiln", &had);
	ASSERT(got != NULL);
	ASSERT_EQ(had, ours);
	ASSERT(json_equal(got, want));
}

TEST(handover_renames_what_kiln_applied)
{
	expect("[{\"manager\":\"kiln\",\"operation\":\"Apply\",\"apiVersion\":\"v1\",\"time\":"
	       "\"t\","
	       "\"fieldsV1\":{\"f:data\":{\"f:a\":{}}}},"
	       "{\"manager\":\"kcm\",\"operation\":\"Update\",\"apiVersion\":\"v1\"}]",
	       true,
	       "[{\"manager\":\"argocd-controller\",\"operation\":\"Apply\",\"apiVersion\":\"v1\","
	       "\"time\":\"t\",\"fieldsV1\":{\"f:data\":{\"f:a\":{}}}},"
	       "{\"manager\":\"kcm\",\"operation\":\"Update\",\"apiVersion\":\"v1\"}]");
}

TEST(handover_unites_with_what_argocd_has)
{
	expect("[{\"manager\":\"argocd-controller\",\"operation\":\"Apply\",\"apiVersion\":\"v1\","
	       "\"fieldsV1\":{\"f:data\":{\"f:b\":{}},\"f:x\":{}}},"
	       "{\"manager\":\"kiln\",\"operation\":\"Apply\",\"apiVersion\":\"v1\","
	       "\"fieldsV1\":{\"f:data\":{\"f:a\":{},\"f:b\":{}}}}]",
	       true,
	       "[{\"manager\":\"argocd-controller\",\"operation\":\"Apply\",\"apiVersion\":\"v1\","
	       "\"fieldsV1\":{\"f:data\":{\"f:a\":{},\"f:b\":{}},\"f:x\":{}}}]");
}

TEST(handover_leaves_what_is_not_applied_by_kiln)
{
	static const char other[] =
		"[{\"manager\":\"kiln\",\"operation\":\"Update\",\"apiVersion\":\"v1\"},"
		"{\"manager\":\"kiln\",\"operation\":\"Apply\",\"apiVersion\":\"v1\","
		"\"subresource\":"
		"\"status\"}]";

	expect(other, false, other);
	expect("[]", false, "[]");
}
