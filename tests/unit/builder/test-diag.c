#include "diag.h"
#include "test.h"

#include <locale.h>

static const char source[] = "\xef\xbb\xbfname: farm\r\n"
			     "token: \"s3cret, word\"  # mine\n"
			     "\tb: gr\xc3\xbc\xc3\x9f"
			     "e\x01 x\n"
			     "key: ghp_0123456789abcdefGHIJklmnopqrstuvwxYZ, y: 1\n";

static void list_init(struct diag_list *l, const char *text)
{
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	l->path = strdup("c.yaml");
	l->source = strdup(text);
	l->source_len = strlen(text);
}

static char *print(const struct diag_list *l)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	ASSERT(out != NULL);
	diag_print(l, out);
	(void)fclose(out);
	return text;
}

TEST(diag_prints_lines_and_carets)
{
	cleanup_diag_list struct diag_list l = { 0 };
	cleanup_free char *text = NULL;

	list_init(&l, source);
	diag_addf(&l, 3, 5, 6, "third");
	diag_addf(&l, 1, 7, 4, "first");
	diag_addf(&l, 1, 11, 1, "end of the line");
	diag_addf(&l, 0, 0, 0, "the whole file");
	diag_sort(&l);
	text = print(&l);
	ASSERT_STR(text, "c.yaml: the whole file\n"
			 "c.yaml:1:7: first\n"
			 "    1 | name: farm\n"
			 "      |       ^~~~\n"
			 "c.yaml:1:11: end of the line\n"
			 "    1 | name: farm\n"
			 "      |           ^\n"
			 "c.yaml:3:5: third\n"
			 "    3 |  b: gr\xc3\xbc\xc3\x9f"
			 "e\xef\xbf\xbd x\n"
			 "      |     ^~~~~~\n");
}

TEST(diag_hides_secrets_in_lines)
{
	cleanup_diag_list struct diag_list l = { 0 };
	cleanup_free char *text = NULL;

	list_init(&l, source);
	diag_addf(&l, 2, 8, 14, "a token");
	diag_addf(&l, 4, 6, 40, "another");
	diag_hide(&l, 1, 7, 4);
	diag_addf(&l, 1, 1, 4, "named");
	text = print(&l);
	ASSERT_STR(text, "c.yaml:2:8: a token\n"
			 "    2 | token: <hidden>  # mine\n"
			 "      |        ^~~~~~~~\n"
			 "c.yaml:4:6: another\n"
			 "    4 | key: <hidden>, y: 1\n"
			 "      |      ^~~~~~~~\n"
			 "c.yaml:1:1: named\n"
			 "    1 | name: <hidden>\n"
			 "      | ^~~~\n");
}

TEST(diag_hides_private_keys)
{
	cleanup_diag_list struct diag_list l = { 0 };
	cleanup_free char *text = NULL;

	list_init(&l, "a: |\n  -----BEGIN PRIVATE KEY-----\n  short\n  -----END PRIVATE "
		      "KEY-----\nb: short\n");
	for (unsigned int i = 2; i <= 5; i++)
		diag_addf(&l, i, 3, 1, "x");
	text = print(&l);
	ASSERT_STR(text, "c.yaml:2:3: x\n    2 |   <hidden>\n      |   ^~~~~~~~\n"
			 "c.yaml:3:3: x\n    3 |   <hidden>\n      |   ^~~~~~~~\n"
			 "c.yaml:4:3: x\n    4 |   <hidden>\n      |   ^~~~~~~~\n"
			 "c.yaml:5:3: x\n    5 | b: short\n      |   ^\n");
}

TEST(diag_value_is_short_and_clean)
{
	char dst[DIAG_VALUE_MAX];

	ASSERT_STR(diag_value("a\x1b[1mb\n", dst), "a?[1mb?");
	ASSERT_STR(diag_value("-----BEGIN RSA PRIVATE KEY-----", dst), "<hidden>");
	ASSERT_STR(
		diag_value("1234567890123456789012345678901234567890123456789012345678901234567890",
			   dst),
		"<hidden>"); /* hex */
	ASSERT_STR(
		diag_value(
			"a b c d e f g h i j k l m n o p q r s t u v w x y z a b c d e f g h i j",
			dst),
		"a b c d e f g h i j k l m n o p q r s t u v w x y z a b c d ...");
}

TEST(mask_tells_secrets)
{
	static const struct {
		const char *text;
		bool secret;
	} cases[] = {
		{ "v8kQ2mXr7LpT5wYz9NbC3dFg", true },
		{ "github_pat_11ABCDEFG0abcdefghijkl", true },
		{ "0123456789abcdef0123456789abcdef", true },
		{ "https://me:pw@host/x", true },
		{ "https://host:8443/x", false },
		{ "https://me@host/x", false },
		{ "0f2d6a1e-3b54-4c1e-9d0a-6a5f6c2b7e11", false },
		{ "S6PTNM0T812345", false },
		{ "fd12:3456:789a:14:3161:c474:a553:4ea1", false },
		{ "network-policies.default_deny", false },
		{ "sk-ssh-ed25519@openssh.com", false },
		{ "AAAAC3NzaC1lZDI1NTE5AAAAIJK1kc46TfnwfycF", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (mask_is_secret(cases[i].text, strlen(cases[i].text)) != cases[i].secret)
			test_fail(__FILE__, __LINE__, "'%s' is told wrongly", cases[i].text);
}

TEST(diag_list_has_a_limit)
{
	cleanup_diag_list struct diag_list l = { 0 };
	cleanup_free char *text = NULL;

	list_init(&l, "");
	for (int i = 0; i < DIAG_MAX + 5; i++)
		diag_addf(&l, 0, 0, 0, "m");
	ASSERT_EQ(l.len, DIAG_MAX);
	ASSERT_EQ(l.dropped, 5);
	text = print(&l);
	ASSERT(strstr(text, "c.yaml: 5 more mistakes are not shown\n") != NULL);
}
