#include "json.h"
#include "fault.h"
#include "test.h"

static json_t *read_ok(const char *text)
{
	struct err err = { 0 };
	json_t *j = NULL;

	ASSERT_OK(js_read(text, strlen(text), &j, &err), &err);
	return j;
}

TEST(js_read_is_strict)
{
	static const struct {
		const char *text, *msg; /* msg NULL: accepted */
	} cases[] = {
		{ "{}", NULL },
		{ " [1, \"a\", null] \n", NULL },
		{ "7", NULL },
		{ "{\"a\":1,\"a\":2}",
		  "not JSON: line 1, column 10: duplicate object key near '\"a\"'" },
		{ "{} {}", "not JSON: line 1, column 4: end of file expected near '{'" },
		{ "{\n \"a\": }", "not JSON: line 2, column 7: unexpected token near '}'" },
		{ "", "not JSON: line 1, column 0: unexpected token near end of file" },
		{ "{\"a\": \"\xff\"}",
		  "not JSON: line 1, column 7: unable to decode byte 0xff near '\"'" },
		{ "\"a\\u0000b\"", "not JSON: line 1, column 10: \\u0000 is not allowed without "
				   "JSON_ALLOW_NUL near '\"a\\u0000b\"'" },
		{ "[01]", "not JSON: line 1, column 2: invalid token near '0'" },
		{ "[NaN]", "not JSON: line 1, column 4: invalid token near 'NaN'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_json json_t *j = NULL;
		struct err err = { 0 };
		int r = js_read(cases[i].text, strlen(cases[i].text), &j, &err);

		ASSERT_EQ(r, cases[i].msg ? -EINVAL : 0);
		ASSERT_STR(err.msg, cases[i].msg ? cases[i].msg : "");
		ASSERT((j != NULL) == (r == 0));
	}
}

TEST(js_read_survives_deep_nesting)
{
	cleanup_buf struct buf b = BUF_INIT(1 << 20);
	cleanup_json json_t *j = NULL;
	struct err err = { 0 };

	for (int i = 0; i < 100000; i++)
		buf_addc(&b, '[');
	ASSERT_EQ(buf_error(&b), 0);
	ASSERT_EQ(js_read(b.data, b.len, &j, &err), -EINVAL);
	ASSERT(strstr(err.msg, "maximum parsing depth"));
}

TEST(js_at_follows_paths)
{
	cleanup_json json_t *j = read_ok("{\"a\":{\"b\":[10,{\"c\":true}]},\"l\":[[1,2],[3]]}");
	static const struct {
		const char *path;
		bool there;
	} cases[] = {
		{ "a", true },	      { "a.b", true },	    { "a.b[0]", true },
		{ "a.b[1].c", true }, { "l[1][0]", true },  { "l[1][1]", false },
		{ "a.x", false },     { "a.b[2]", false },  { "a.b.c", false },
		{ "a[0]", false },    { "a.b[x]", false },  { "a.b[", false },
		{ "a..b", false },    { "a.b[-1]", false }, { "", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if ((js_at(j, cases[i].path) != NULL) != cases[i].there)
			test_fail(__FILE__, __LINE__, "path '%s'", cases[i].path);
}

TEST(js_find_is_the_first_with_that_text)
{
	struct err err = { 0 };
	cleanup_json json_t *root = NULL;
	static const char text[] = "{\"l\": [{\"m\": {\"n\": \"a\"}, \"i\": 1}, 7, {\"m\": 2},"
				   " {\"m\": {\"n\": \"b\"}, \"i\": 2},"
				   " {\"m\": {\"n\": \"b\"}, \"i\": 3}]}";
	const json_t *list;

	ASSERT_OK(js_read(text, sizeof(text) - 1, &root, &err), &err);
	list = js_at(root, "l");
	ASSERT_EQ(json_integer_value(json_object_get(js_find(list, "m.n", "b"), "i")), 2);
	ASSERT(js_find(list, "m.n", "c") == NULL);
	ASSERT(js_find(root, "m.n", "b") == NULL);
	ASSERT(js_find(NULL, "m.n", "b") == NULL);
}

TEST(getters_name_the_path_and_the_type)
{
	cleanup_json json_t *j =
		read_ok("{\"n\":{\"name\":5,\"big\":4294967296,\"neg\":-1,\"f\":1.5,\"on\":true,"
			"\"s\":\"x\",\"null\":null,\"list\":[],\"obj\":{}}}");
	struct err err = { 0 };
	const char *s = "kept";
	uint64_t u64 = 7;
	uint32_t u32 = 7;
	int64_t i64 = 7;
	bool on = false;
	json_t *sub = NULL;

#define WRONG(call, text)                                                                          \
	do {                                                                                       \
		ASSERT_EQ(call, -EINVAL);                                                          \
		ASSERT_STR(err.msg, text);                                                         \
	} while (0)
	WRONG(jget_str(j, "n.name", &s, &err), "'n.name' must be a string, not a number");
	WRONG(jget_str(j, "n.none", &s, &err), "'n.none' is missing");
	WRONG(jget_str(j, "n.null", &s, &err), "'n.null' is null");
	WRONG(jget_u32(j, "n.big", &u32, &err), "'n.big' is out of range: 4294967296");
	WRONG(jget_u64(j, "n.neg", &u64, &err), "'n.neg' is out of range: -1");
	WRONG(jget_u64(j, "n.f", &u64, &err), "'n.f' must be a whole number, not a number");
	WRONG(jget_bool(j, "n.s", &on, &err), "'n.s' must be true or false, not a string");
	WRONG(jget_obj(j, "n.list", &sub, &err), "'n.list' must be an object, not a list");
	WRONG(jget_arr(j, "n.obj", &sub, &err), "'n.obj' must be a list, not an object");
	WRONG(jget_str_opt(j, "n.on", &s, &err), "'n.on' must be a string, not a boolean");
	ASSERT_STR(s, "kept");
	ASSERT_EQ(u64 + u32, 14);
	ASSERT_EQ(jget_str_opt(j, "n.none", &s, &err), 0);
	ASSERT_EQ(jget_str_opt(j, "n.null", &s, &err), 0);
	ASSERT_STR(s, "kept");
	ASSERT_EQ(jget_str_opt(j, "n.s", &s, &err), 1);
	ASSERT_STR(s, "x");
	ASSERT_EQ(jget_u64(j, "n.big", &u64, &err), 0);
	ASSERT(u64 == UINT64_C(4294967296));
	ASSERT_EQ(jget_i64(j, "n.neg", &i64, &err), 0);
	ASSERT_EQ(i64, -1);
	ASSERT_EQ(jget_bool(j, "n.on", &on, &err), 0);
	ASSERT(on);
	ASSERT_EQ(jget_arr(j, "n.list", &sub, &err), 0);
	ASSERT_EQ(jget_obj_opt(j, "n.obj", &sub, &err), 1);
}

TEST(js_canonical_is_sorted_and_leaves_slashes)
{
	cleanup_json json_t *j = read_ok("{ \"b\": \"a/b\", \"a\": [1, 2.5, true, null], \"Z\": "
					 "\"\xc3\xa9\\n\", \"a.b/c\": {} }");
	cleanup_buf struct buf b = BUF_INIT(1 << 16), small = BUF_INIT(10),
			       pretty = BUF_INIT(1 << 16);

	ASSERT_EQ(js_canonical(j, &b), 0);
	ASSERT_STR(buf_str(&b),
		   "{\"Z\":\"\xc3\xa9\\n\",\"a\":[1,2.5,true,null],\"a.b/c\":{},\"b\":\"a/b\"}");
	ASSERT_EQ(js_canonical(j, &small), -E2BIG);
	ASSERT_EQ(js_pretty(j, &pretty), 0);
	ASSERT_EQ(strncmp(buf_str(&pretty), "{\n  \"b\": \"a/b\",\n", 16), 0);
}

static int read_text(void *arg, struct err *err)
{
	const char *text = arg;
	json_t *j = NULL;
	int r = js_read(text, strlen(text), &j, err);

	ASSERT((r == 0) == (j != NULL));
	json_decref(j);
	return r;
}

/* jansson's lexer tells of a mistake in the text when it gets no memory. */
static void no_memory_or_no_text(void *arg, const struct fault_result *result)
{
	(void)arg;
	ASSERT(!result->failed || result->r == -ENOMEM || result->r == -EINVAL);
}

TEST(js_read_under_every_fault)
{
	char text[] = "{\"a\": [1, \"two\", {\"b\": null}], \"c\": true}";

	json_set_alloc_funcs(malloc, free);
	ASSERT(fault_loop(read_text, no_memory_or_no_text, text) > 15);
}
