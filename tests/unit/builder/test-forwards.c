#include "forwards.h"
#include "file.h"
#include "test.h"

#include <fcntl.h>

static struct node nodes[] = {
	{ .name = (char *)"hen", .role = ROLE_CONTROL_PLANE },
	{ .name = (char *)"goat", .role = ROLE_WORKER },
};
static const struct cluster lab = { .nodes = nodes, .nodes_len = ARRAY_SIZE(nodes) };

TEST(forwards_are_all_different_and_read_back)
{
	struct forwards a, b;
	struct err err = { 0 };

	ASSERT_OK(forwards_pick(&lab, 0, &a, &err), &err);
	ASSERT_EQ(a.len, 2);
	ASSERT(a.items[0].ssh && a.items[0].api && a.items[1].ssh && !a.items[1].api);
	ASSERT(a.items[0].ssh != a.items[1].ssh && a.items[0].ssh != a.items[0].api);
	ASSERT_OK(forwards_write(&a, "f.json", &err), &err);
	ASSERT_OK(forwards_read("f.json", &lab, &b, &err), &err);
	ASSERT_EQ(b.len, 2);
	for (size_t i = 0; i < 2; i++) {
		ASSERT(b.items[i].node == a.items[i].node);
		ASSERT_EQ(b.items[i].ssh, a.items[i].ssh);
		ASSERT_EQ(b.items[i].api, a.items[i].api);
	}
}

TEST(forwards_count_up_from_a_given_port)
{
	struct forwards f;
	struct err err = { 0 };

	ASSERT_OK(forwards_pick(&lab, 2200, &f, &err), &err);
	ASSERT_EQ(f.items[0].ssh, 2200);
	ASSERT_EQ(f.items[1].ssh, 2201);
}

TEST(forwards_says_what_is_wrong_with_a_file)
{
	static const struct {
		const char *text, *msg;
	} cases[] = {
		{ "{", "f.json: line 1, column 1: " },
		{ "{\"schema\": 2, \"nodes\": {}}", "f.json: schema 2, this program knows 1" },
		{ "{\"schema\": 1}", "f.json: 'nodes'" },
		{ "{\"schema\": 1, \"nodes\": {\"cow\": {\"ssh\": 1}}}",
		  "f.json: the cluster has no node 'cow'" },
		{ "{\"schema\": 1, \"nodes\": {\"hen\": {\"ssh\": 65536}}}",
		  "f.json: 'hen': no such port" },
		{ "{\"schema\": 1, \"nodes\": {\"hen\": {}}}", "f.json: 'ssh'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = { 0 };
		struct forwards f;

		ASSERT_OK(file_replace_at(AT_FDCWD, "f.json", cases[i].text, strlen(cases[i].text),
					  0644, &err),
			  &err);
		ASSERT_EQ(forwards_read("f.json", &lab, &f, &err), -EINVAL);
		if (i > 0)
			ASSERT_EQ(strncmp(err.msg, cases[i].msg, strlen(cases[i].msg)), 0);
	}
}
