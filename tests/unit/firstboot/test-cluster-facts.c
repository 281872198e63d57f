#include "cluster-facts.h"

#include "agent.h"
#include "fault.h"
#include "json-table.h"
#include "test.h"

#include <fcntl.h>

static void done(struct json_strings *s)
{
	struct cluster_facts f = { .images = *s };

	cluster_facts_done(&f);
}

TEST(cluster_images_go_into_the_map_and_back)
{
	struct json_strings s = { 0 };
	char *text;

	ASSERT_EQ(cluster_images_parse("", &s), 0);
	ASSERT_EQ(s.len, 0);
	text = cluster_images_format(&s);
	ASSERT_STR(text, "");
	free(text);
	ASSERT_EQ(cluster_images_parse("\n\na:1\n\nb@sha256:2", &s), 0);
	ASSERT_EQ(s.len, 2);
	ASSERT_STR(s.items[1], "b@sha256:2");
	text = cluster_images_format(&s);
	ASSERT_STR(text, "a:1\nb@sha256:2\n");
	free(text);
	done(&s);
}

TEST(cluster_images_parse_survives_every_failed_call)
{
	long n = 0;

	for (;; n++) {
		struct json_strings s = { 0 };
		int r;

		fault_arm(n);
		r = cluster_images_parse("a:1\nb:2\nc:3\n", &s);
		if (!fault_disarm()) {
			ASSERT_EQ(r, 0);
			ASSERT_EQ(s.len, 3);
			done(&s);
			break;
		}
		ASSERT_EQ(r, -ENOMEM);
		ASSERT_EQ(s.len, 0);
	}
	ASSERT_EQ(n, 6);
}

static int load(struct agent *a, const char *file, const char *seed)
{
	struct err err = { 0 };
	FILE *f = fopen("fsid", "w");

	ASSERT(f && fputs(file, f) >= 0 && fclose(f) == 0);
	*a = (struct agent){ .state_fd = AT_FDCWD };
	a->node.cluster.fsid = seed ? strdup(seed) : NULL;
	return cluster_facts_load(a, &err);
}

TEST(cluster_fsid_of_the_state_counts_where_the_seed_knows_none)
{
	static const char ours[] = "6f9e2c7a-1d24-4a57-9a3f-5c1f0c6b7d10";
	static const char other[] = "00000000-1d24-4a57-9a3f-5c1f0c6b7d10";
	struct agent a;
	struct err err = { 0 };

	ASSERT_EQ(load(&a, "6f9e2c7a-1d24-4a57-9a3f-5c1f0c6b7d10\n", NULL), 0);
	ASSERT_STR(a.node.cluster.fsid, ours);
	free(a.node.cluster.fsid);
	ASSERT_EQ(load(&a, "6f9e2c7a-1d24-4a57-9a3f-5c1f0c6b7d10\n", other), 0);
	ASSERT_STR(a.node.cluster.fsid, other);
	free(a.node.cluster.fsid);
	ASSERT_EQ(load(&a, "6f9e2c7a-1d24-4a57", NULL), 0); /* damaged: none is known */
	ASSERT(!a.node.cluster.fsid);
	ASSERT_EQ(load(&a, "", NULL), 0);
	ASSERT(!a.node.cluster.fsid);
	ASSERT_EQ(unlink("fsid"), 0);
	ASSERT_OK(cluster_facts_load(&a, &err), &err);
	ASSERT(!a.node.cluster.fsid);
}
