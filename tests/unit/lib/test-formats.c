/* The shared formats: every golden file is read and written again to the same bytes. */
#include "base-json.h"
#include "fault.h"
#include "file.h"
#include "image-json.h"
#include "node-json.h"
#include "seed-json.h"
#include "status-json.h"
#include "test.h"

#include <fcntl.h>

static char *golden(const char *name, size_t *ret_len)
{
	struct err err = { 0 };
	char *path = NULL, *text = NULL;

	ASSERT(asprintf(&path, "%stests/golden/formats/%s", test_srcdir(), name) > 0);
	ASSERT_OK(file_read_at(AT_FDCWD, path, 1 << 20, &text, ret_len, &err), &err);
	free(path);
	return text;
}

#define ROUND_TRIP(type, file)                                                                     \
	TEST(type##_round_trip_##file)                                                             \
	{                                                                                          \
		struct err err = { 0 };                                                            \
		CLEANUP(type##_done) struct type s = { 0 };                                        \
		cleanup_free char *text = NULL, *again = NULL;                                     \
		size_t len = 0, again_len = 0;                                                     \
                                                                                                   \
		text = golden(golden_##file, &len);                                                \
		ASSERT_OK(type##_parse(text, len, &s, &err), &err);                                \
		ASSERT_OK(type##_format(&s, &again, &again_len, &err), &err);                      \
		ASSERT_STR(again, text);                                                           \
		ASSERT_EQ(again_len, len);                                                         \
	}

#define golden_seed "seed.json"
#define golden_seed_imported "seed-imported.json"
#define golden_base "base.json"
#define golden_image "image.json"
#define golden_status "status.json"
#define golden_node "node.json"

ROUND_TRIP(seed_json, seed)
ROUND_TRIP(seed_json, seed_imported)
ROUND_TRIP(base_json, base)
ROUND_TRIP(image_json, image)
ROUND_TRIP(status_json, status)
ROUND_TRIP(node_json, node)

TEST(node_json_values_arrive)
{
	struct err err = { 0 };
	cleanup_node_json struct node_json n = { 0 };
	size_t len = 0;
	cleanup_free char *text = golden("node.json", &len);

	ASSERT_OK(node_json_parse(text, len, &n, &err), &err);
	ASSERT_STR(n.cluster.name, "farm");
	ASSERT(n.cluster.fsid == NULL);
	ASSERT_EQ(n.node.role, NODE_CONTROL_PLANE);
	ASSERT(n.node.init);
	ASSERT_EQ(n.node.addresses.len, 2);
	ASSERT_STR(n.node.taints.items[0].effect, "NoSchedule");
	ASSERT(n.k3s.server == NULL);
	ASSERT_EQ(n.storage.root_size_bytes, UINT64_C(64) << 30);
	ASSERT(n.storage.ceph && n.storage.ceph->partition && !n.storage.ceph->disk);
	ASSERT_EQ(n.peers.len, 1);
	ASSERT_EQ(n.peers.items[0].role, NODE_WORKER);
	ASSERT_EQ(n.power.shutdown->days, 127);
	ASSERT_EQ(n.power.shutdown->unless, NODE_UNLESS_SSH);
	ASSERT_STR(n.host.sysctls.values[0], "1");
	ASSERT_STR(n.bundle->path, "/var/lib/kiln/bundle.tar");
}

/* One change to the golden seed.json each, and the exact error. */
TEST(seed_json_refuses)
{
	static const struct {
		const char *from, *to, *error;
		int code;
	} cases[] = {
		{ "\"schema\": 1", "\"schema\": 2", "seed.json: schema 2, this program knows 1",
		  -EPROTONOSUPPORT },
		{ "\"schema\": 1", "\"schema\": \"1\"", "seed.json: no schema number", -EINVAL },
		{ "\"node\": \"cow\"", "\"node\": \"../cow\"",
		  "seed.json: 'node' is not a DNS label", -EINVAL },
		{ "\"node\": \"cow\"", "\"node\": 7", "seed.json: 'node' is not a text", -EINVAL },
		{ "\"node\": \"cow\"", "\"nod\": \"cow\"", "seed.json: missing key 'node'",
		  -EINVAL },
		{ "\"node\": \"cow\"", "\"board\": \"cow\"",
		  "seed.json:6:9: duplicate object key near '\"board\"'", -EINVAL },
		{ "\"base\": \"0", "\"base\": \"X",
		  "seed.json: 'base' is not a SHA-256 of 64 hex digits", -EINVAL },
		{ "d8:3a", "D8:3A",
		  "seed.json: 'machine': 'mac' is not a MAC address in lower case", -EINVAL },
		{ "1795348800", "-1", "seed.json: 'baked_at' is not a number from 0", -EINVAL },
		{ "1795348800", "1.5", "seed.json: 'baked_at' is not a whole number", -EINVAL },
		{ "[\n    \"S6PTNM0T812345\"\n  ]", "{}", "seed.json: 'wipe' is not a list",
		  -EINVAL },
		{ "S6PTNM0T812345", "a\\nb", "seed.json: 'wipe' is not a line of text", -EINVAL },
		{ "S6PTNM0T812345", "a\\u0000b",
		  "seed.json:18:14: \\u0000 is not allowed without JSON_ALLOW_NUL near "
		  "'\"a\\u0000b\"'",
		  -EINVAL },
		{ "\"system_disk\": {", "\"system_disk\": {\"serial\": 5, ",
		  "seed.json: 'system_disk': 'serial' is not a text", -EINVAL },
	};
	size_t len = 0;
	cleanup_free char *text = golden("seed.json", &len);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = { 0 };
		struct seed_json s = { 0 };
		const char *p = strstr(text, cases[i].from);
		cleanup_free char *bad = NULL;
		int n;

		ASSERT(p);
		n = asprintf(&bad, "%.*s%s%s", (int)(p - text), text, cases[i].to,
			     p + strlen(cases[i].from));
		ASSERT(n > 0);
		ASSERT_EQ(seed_json_parse(bad, (size_t)n, &s, &err), cases[i].code);
		ASSERT_STR(err.msg, cases[i].error);
		ASSERT(s.cluster == NULL);
	}
}

TEST(unknown_keys_are_read_over)
{
	struct err err = { 0 };
	cleanup_base_json struct base_json b = { 0 };
	size_t len = 0;
	cleanup_free char *text = golden("base.json", &len), *more = NULL;
	int n = asprintf(&more, "{ \"later\": [1, {}], %s", text + 1);

	ASSERT(n > 0);
	ASSERT_OK(base_json_parse(more, (size_t)n, &b, &err), &err);
	ASSERT_STR(b.kernel, "7.3.4+deb13-arm64");
}

TEST(a_document_has_a_maximum)
{
	struct err err = { 0 };
	struct base_json b = { 0 };
	cleanup_free char *big = calloc(1, BASE_JSON_MAX + 1);

	ASSERT(big);
	ASSERT_EQ(base_json_parse(big, BASE_JSON_MAX + 1, &b, &err), -E2BIG);
	ASSERT_STR(err.msg, "base.json: 65537 bytes, more than 65536");
}

TEST(a_struct_that_breaks_a_rule_is_not_written)
{
	struct err err = { 0 };
	struct base_json b = { 0 };
	cleanup_free char *text = NULL;

	ASSERT_EQ(base_json_format(&b, &text, NULL, &err), -EINVAL);
	ASSERT_STR(err.msg, "base.json: 'id' is not set");
	ASSERT(text == NULL);
}

TEST(depth_and_garbage_do_no_harm)
{
	struct err err = { 0 };
	struct node_json n = { 0 };
	char deep[8192];

	memset(deep, '[', sizeof(deep));
	ASSERT_EQ(node_json_parse(deep, sizeof(deep), &n, &err), -EINVAL);
	ASSERT_EQ(node_json_parse("\xff\x01", 2, &n, &err), -EINVAL);
	for (const char *p = err.msg; *p; p++)
		ASSERT((unsigned char)*p >= 0x20);
	ASSERT_EQ(node_json_parse("", 0, &n, &err), -EINVAL);
}

/* ---- lack of memory at each allocation, jansson's own as well ---- */

TEST(every_failed_allocation_is_reported_and_leaves_nothing)
{
	size_t len = 0;
	cleanup_free char *text = golden("node.json", &len);
	long n;

	json_set_alloc_funcs(malloc, free); /* as the linker sees them: the wrapped ones */
	for (n = 0;; n++) {
		struct err err = { 0 };
		struct node_json j = { 0 };
		cleanup_free char *again = NULL;
		int r;

		fault_arm(n);
		r = node_json_parse(text, len, &j, &err);
		if (r >= 0)
			r = node_json_format(&j, &again, NULL, &err);
		if (!fault_disarm()) {
			ASSERT_EQ(r, 0);
			ASSERT_STR(again, text);
			node_json_done(&j);
			break;
		}
		if (r == 0) { /* a place that can do without */
			ASSERT_STR(again, text);
		} else {
			/* jansson's lexer tells of a mistake in the text when it gets no memory */
			ASSERT(r == -ENOMEM ||
			       (r == -EINVAL && strncmp(err.msg, "node.json:", 10) == 0));
			ASSERT(again == NULL);
			ASSERT(err.msg[0] != '\0');
		}
		node_json_done(&j);
	}
	ASSERT(n > 300);
}

/* ---- damaged files: refused or read, never a crash; what is read is written the same twice ----
 */

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223; /* the same at every run */
	return *state >> 8;
}

static size_t mutate(char *text, size_t len, uint32_t *rnd)
{
	static const char *const bits[] = {
		"null", "[]",	"{}",	   "\"\"", "-1",
		"1e9",	"true", "\\u0000", "\xff", "99999999999999999999",
		",",	":",
	};

	for (uint32_t i = 0; i <= next_random(rnd) % 3; i++) {
		size_t at = next_random(rnd) % len;
		const char *bit = bits[next_random(rnd) % ARRAY_SIZE(bits)];

		switch (next_random(rnd) % 4) {
		case 0:
			text[at] = (char)next_random(rnd);
			break;
		case 1: /* cut out */
			memmove(text + at, text + at + 1, len - at - 1);
			len--;
			break;
		case 2: /* write over */
			for (size_t k = 0; bit[k] && at + k < len; k++)
				text[at + k] = bit[k];
			break;
		default: /* cut off */
			if (next_random(rnd) % 8 == 0)
				len = at + 1;
		}
		if (len < 2)
			break;
	}
	return len;
}

#define MUTATED(type, file)                                                                        \
	TEST(type##_damaged_##file)                                                                \
	{                                                                                          \
		size_t len = 0;                                                                    \
		cleanup_free char *text = golden(golden_##file, &len);                             \
		uint32_t rnd = 1, read = 0;                                                        \
                                                                                                   \
		for (int i = 0; i < 4000; i++) {                                                   \
			struct err err = { 0 };                                                    \
			CLEANUP(type##_done) struct type a = { 0 }, b = { 0 };                     \
			cleanup_free char *bad = malloc(len), *one = NULL, *two = NULL;            \
			size_t bad_len, one_len = 0;                                               \
			int r;                                                                     \
                                                                                                   \
			ASSERT(bad);                                                               \
			memcpy(bad, text, len);                                                    \
			bad_len = mutate(bad, len, &rnd);                                          \
			r = type##_parse(bad, bad_len, &a, &err);                                  \
			if (r < 0) {                                                               \
				ASSERT(r == -EINVAL || r == -EPROTONOSUPPORT);                     \
				ASSERT(err.msg[0] != '\0');                                        \
				continue;                                                          \
			}                                                                          \
			read++;                                                                    \
			ASSERT_OK(type##_format(&a, &one, &one_len, &err), &err);                  \
			ASSERT_OK(type##_parse(one, one_len, &b, &err), &err);                     \
			ASSERT_OK(type##_format(&b, &two, NULL, &err), &err);                      \
			ASSERT_STR(two, one);                                                      \
		}                                                                                  \
		ASSERT(read > 50); /* else nothing but refusals was tried */                       \
	}

MUTATED(seed_json, seed)
MUTATED(base_json, base)
MUTATED(image_json, image)
MUTATED(status_json, status)
MUTATED(node_json, node)
