#include "fault.h"
#include "test.h"
#include "yaml-doc.h"

static struct ynode *parse(const char *text, struct diag_list *diags)
{
	struct ynode *root = NULL;

	ASSERT_EQ(yaml_doc_parse(text, strlen(text), diags, &root), 0);
	return root;
}

TEST(yaml_doc_keeps_positions)
{
	cleanup_diag_list struct diag_list diags = { 0 };
	cleanup_ynode struct ynode *root =
		parse("a: 1\nb:\n  - x\n  - \"y z\"\nc: {d: e}\n", &diags);
	const struct ynode *b = ynode_get(root, "b"), *d = ynode_get(ynode_get(root, "c"), "d");

	ASSERT_EQ(root->kind, YNODE_MAP);
	ASSERT_EQ(root->len, 3);
	ASSERT_EQ(b->kind, YNODE_SEQ);
	ASSERT_EQ(b->items[1]->line, 4);
	ASSERT_EQ(b->items[1]->col, 5);
	ASSERT_EQ(b->items[1]->width, 5);
	ASSERT(!b->items[1]->plain);
	ASSERT_STR(b->items[1]->text, "y z");
	ASSERT_EQ(d->line, 5);
	ASSERT_EQ(d->col, 8);
	ASSERT_STR(d->key->text, "d");
	ASSERT_EQ(diags.len, 0);
}

TEST(yaml_doc_columns_are_characters)
{
	cleanup_diag_list struct diag_list diags = { 0 };
	cleanup_ynode struct ynode *root =
		parse("\xef\xbb\xbf{\"gr\xc3\xbc\xc3\x9f\": 1, b: 2}\r\n", &diags);
	const struct ynode *b = ynode_get(root, "b");

	ASSERT_EQ(b->line, 1);
	ASSERT_EQ(b->col, 16);
}

TEST(yaml_doc_null_is_only_without_quotes)
{
	static const struct {
		const char *text;
		bool null;
		const char *what;
	} cases[] = {
		{ "a: ~", true, "nothing" },	   { "a:", true, "nothing" },
		{ "a: null", true, "nothing" },	   { "a: \"null\"", false, "text" },
		{ "a: true", false, "a boolean" }, { "a: 12", false, "a number" },
		{ "a: [1]", false, "a list" },	   { "a: {b: 1}", false, "a mapping" },
		{ "a: on", false, "text" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_diag_list struct diag_list diags = { 0 };
		cleanup_ynode struct ynode *root = parse(cases[i].text, &diags);

		ASSERT_EQ(ynode_is_null(ynode_get(root, "a")), cases[i].null);
		ASSERT_STR(ynode_what(ynode_get(root, "a")), cases[i].what);
	}
}

TEST(yaml_doc_refuses)
{
	static const struct {
		const char *text, *msg;
		unsigned int line, col;
	} cases[] = {
		{ "", "the file is empty", 1, 1 },
		{ "a: &x 1", "anchors ('&') are not allowed; write the value out", 1, 4 },
		{ "a: 1\n---\nb: 1", "a second document; a file holds one", 2, 1 },
		{ "a: !t 1", "tags ('!') are not allowed", 1, 4 },
		{ "a:\n\tb: 1", "a tab in the indentation; YAML takes spaces only", 2, 1 },
		{ "\x01", "control character (U+0001)", 1, 1 },
		{ "a: \"\\x1b\"", "the text holds a control character (by an escape)", 1, 4 },
		{ "\xff\xfe\x61\x00", "the file is UTF-16; save it as UTF-8", 1, 1 },
		{ "a\n\xf0\x9f\x92", "invalid UTF-8 (byte 0xf0)", 2, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_diag_list struct diag_list diags = { 0 };
		struct ynode *root = NULL;

		ASSERT_EQ(yaml_doc_parse(cases[i].text, strlen(cases[i].text), &diags, &root),
			  -EINVAL);
		ASSERT(root == NULL);
		ASSERT_EQ(diags.len, 1);
		ASSERT_STR(diags.items[0].msg, cases[i].msg);
		ASSERT_EQ(diags.items[0].line, cases[i].line);
		ASSERT_EQ(diags.items[0].col, cases[i].col);
	}
}

/* n times the text, below a key */
static char *repeat(const char *text, size_t n)
{
	size_t len = strlen(text);
	char *s = malloc(len * n + 1);

	ASSERT(s != NULL);
	for (size_t i = 0; i < n; i++)
		memcpy(s + i * len, text, len);
	s[len * n] = '\0';
	return s;
}

TEST(yaml_doc_limits)
{
	static const struct {
		const char *text;
		size_t n;
		const char *msg;
	} cases[] = {
		{ "[", 1000, "more than 24 levels of lists and mappings" },
		{ "- a\n", YAML_NODES_MAX + 10, "more than 50000 values in one file" },
		{ " ", YAML_BYTES_MAX + 1, "the file has more than 1048576 bytes" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_diag_list struct diag_list diags = { 0 };
		cleanup_free char *text = repeat(cases[i].text, cases[i].n);
		struct ynode *root = NULL;

		ASSERT_EQ(yaml_doc_parse(text, strlen(text), &diags, &root), -EINVAL);
		ASSERT_STR(diags.items[0].msg, cases[i].msg);
	}
}

TEST(yaml_doc_keys_limit)
{
	cleanup_diag_list struct diag_list diags = { 0 };
	cleanup_free char *text = malloc(16 * (YAML_KEYS_MAX + 2));
	struct ynode *root = NULL;
	size_t at = 0;

	ASSERT(text != NULL);
	for (int i = 0; i <= YAML_KEYS_MAX; i++)
		at += (size_t)snprintf(text + at, 16, "k%d: 1\n", i);
	ASSERT_EQ(yaml_doc_parse(text, at, &diags, &root), -EINVAL);
	ASSERT_STR(diags.items[0].msg, "more than 1000 keys in one mapping");
}

/* A shortage of memory is told apart from a mistake, and leaves nothing behind. */
TEST(yaml_doc_shortage_of_memory)
{
	static const char text[] = "a: 1\nb: [x, y, {c: d}]\na: 2\ne:\n  f: |\n    text\n";
	long faults = 0;

	for (long n = 0;; n++) {
		struct diag_list diags = { 0 };
		struct ynode *root = NULL;
		int r;
		bool failed;

		fault_arm(n);
		r = yaml_doc_parse(text, strlen(text), &diags, &root);
		failed = fault_disarm();
		if (failed) {
			ASSERT(diags.nomem);
			ASSERT(r == -ENOMEM || r == 0); /* 0: only the text of a mistake was lost */
			faults++;
		} else {
			ASSERT_EQ(r, 0);
			ASSERT_EQ(diags.len, 1);
		}
		ynode_free(root);
		diag_list_done(&diags);
		if (!failed)
			break;
	}
	ASSERT(faults > 30);
}
