#include "bundle-reader.h"
#include "digest.h"
#include "file.h"
#include "gates.h"
#include "fault.h"
#include "test.h"

#include <fcntl.h>

static const char object[] =
	"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"x\"}}";

static void make_index(char *dst, size_t size, const char *sha, size_t bytes,
		       const char *patch_from, const char *patch_to)
{
	char text[4096], *hit;

	(void)snprintf(text, sizeof(text),
		       "{\"schema\":1,\"cluster_id\":\"00112233445566778899aabbccddeeff\","
		       "\"kubernetes\":\"v1.35.2\","
		       "\"components\":[{\"name\":\"a\",\"namespace\":\"kube-system\",\"after\":[],"
		       "\"application\":null,"
		       "\"gates\":[{\"name\":\"lb-pool\",\"hard\":true,\"timeout_s\":60,\"args\":{"
		       "\"name\":\"p\"}}],"
		       "\"images\":[],\"objects\":[{\"group\":\"\",\"version\":\"v1\",\"kind\":"
		       "\"ConfigMap\","
		       "\"plural\":\"configmaps\",\"namespaced\":true,\"namespace\":\"default\","
		       "\"name\":\"x\",\"wave\":50,"
		       "\"gate\":\"ready\",\"hook\":{\"phase\":\"pre\",\"weight\":-5,\"delete\":["
		       "\"succeeded\"]},"
		       "\"crd\":false,\"handover\":true,\"secret\":false,\"sha256\":\"%s\","
		       "\"bytes\":%zu}]}]}",
		       sha, bytes);
	hit = patch_from ? strstr(text, patch_from) : NULL;
	ASSERT(!patch_from || hit);
	if (hit)
		(void)snprintf(dst, size, "%.*s%s%s", (int)(hit - text), text, patch_to,
			       hit + strlen(patch_from));
	else
		(void)snprintf(dst, size, "%s", text);
}

TEST(index_round_trip)
{
	struct err err = { 0 };
	cleanup_bundle_index struct bundle_index b = { 0 }, again = { 0 };
	cleanup_free char *text = NULL, *second = NULL;
	char in[4096], hex[SHA256_HEX_MAX];
	size_t len, len2;

	make_index(in, sizeof(in), sha256_mem_hex(object, sizeof(object) - 1, hex),
		   sizeof(object) - 1, NULL, NULL);
	ASSERT_OK(bundle_index_parse(in, strlen(in), &b, &err), &err);
	ASSERT_EQ(b.components.items[0].objects.items[0].hook->weight, -5);
	ASSERT_EQ(b.components.items[0].objects.items[0].hook->delete, BUNDLE_DELETE_SUCCEEDED);
	ASSERT_EQ(b.components.items[0].objects.items[0].wave, WAVE_CONFIG);
	ASSERT_STR(gate_arg_string(b.components.items[0].gates.items[0].args, "name"), "p");
	ASSERT_OK(bundle_index_format(&b, &text, &len, &err), &err);
	ASSERT_OK(bundle_index_parse(text, len, &again, &err), &err);
	ASSERT_OK(bundle_index_format(&again, &second, &len2, &err), &err);
	ASSERT_STR(second, text);
}

TEST(index_refuses)
{
	static const struct {
		const char *from, *to, *text;
	} cases[] = {
		{ "\"wave\":50", "\"wave\":55", "index.json: ConfigMap 'x': there is no wave 55" },
		{ "\"lb-pool\"", "\"pool\"", "index.json: component 'a': there is no gate 'pool'" },
		{ "{\"name\":\"p\"}", "{}", "gate 'lb-pool': argument 'name' is missing" },
		{ "{\"name\":\"p\"}", "{\"name\":1}",
		  "gate 'lb-pool': argument 'name' must be a text" },
		{ "{\"name\":\"p\"}", "{\"nam\":\"p\"}", "gate 'lb-pool' has no argument 'nam'" },
		{ "\"namespace\":\"default\"", "\"namespace\":null",
		  "index.json: ConfigMap 'x': the namespace is missing" },
		{ "\"name\":\"x\"", "\"name\":\"x/y\"",
		  "index.json: ConfigMap 'x/y': not a name: 'x/y'" },
		{ "\"plural\":\"configmaps\"", "\"plural\":\"..\"",
		  "index.json: ConfigMap 'x': not a name: '..'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_bundle_index struct bundle_index b = { 0 };
		struct err err = { 0 };
		char in[4096], hex[SHA256_HEX_MAX];

		make_index(in, sizeof(in), sha256_mem_hex("", 0, hex), 0, cases[i].from,
			   cases[i].to);
		ASSERT_EQ(bundle_index_parse(in, strlen(in), &b, &err), -EINVAL);
		ASSERT_STR(err.msg, cases[i].text);
	}
}

static void put(const char *name, const void *data, size_t len)
{
	struct err err = { 0 };

	ASSERT_OK(file_replace_at(AT_FDCWD, name, data, len, 0644, &err), &err);
}

/* One ustar member by hand. */
static size_t member(char *at, const char *name, const char *data, size_t len)
{
	unsigned int sum = 0;

	memset(at, 0, 512);
	(void)snprintf(at, 100, "%s", name);
	(void)snprintf(at + 100, 8, "%07o", 0600);
	(void)snprintf(at + 124, 12, "%011o", (unsigned int)len);
	memcpy(at + 257, "ustar", 6);
	memcpy(at + 263, "00", 2);
	at[156] = '0';
	memset(at + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += (unsigned char)at[i];
	(void)snprintf(at + 148, 8, "%06o", sum);
	memset(at + 512, 0, (len + 511) / 512 * 512);
	memcpy(at + 512, data, len);
	return 512 + (len + 511) / 512 * 512;
}

static size_t make_tar(char *tar, const char *patch_from, const char *patch_to)
{
	char in[4096], hex[SHA256_HEX_MAX], name[100];
	size_t n;

	make_index(in, sizeof(in), sha256_mem_hex(object, sizeof(object) - 1, hex),
		   sizeof(object) - 1, patch_from, patch_to);
	n = member(tar, "index.json", in, strlen(in));
	(void)snprintf(name, sizeof(name), "objects/%s.json", hex);
	n += member(tar + n, name, object, sizeof(object) - 1);
	memset(tar + n, 0, 1024);
	return n + 1024;
}

TEST(reader_gives_objects)
{
	struct err err = { 0 };
	cleanup_bundle_reader struct bundle_reader *b = NULL;
	cleanup_free char *text = NULL;
	char tar[16384], hex[SHA256_HEX_MAX];
	size_t len, n = make_tar(tar, NULL, NULL);

	put("b.tar", tar, n);
	ASSERT_OK(bundle_reader_open(AT_FDCWD, "b.tar", sha256_mem_hex(tar, n, hex), &b, &err),
		  &err);
	ASSERT_OK(bundle_reader_object(
			  b, &bundle_reader_index(b)->components.items[0].objects.items[0], &text,
			  &len, &err),
		  &err);
	ASSERT_STR(text, object);
	ASSERT_EQ(len, sizeof(object) - 1);
}

TEST(reader_refuses_damage)
{
	struct err err = { 0 };
	struct bundle_reader *b = NULL;
	cleanup_free char *text = NULL;
	char tar[16384], *hit;
	size_t len, n = make_tar(tar, NULL, NULL);

	put("b.tar", tar, n);
	ASSERT_EQ(bundle_reader_open(AT_FDCWD, "b.tar", "00", &b, &err), -EBADMSG);
	ASSERT(strstr(err.msg, "has digest"));
	put("b.tar", tar, 512 * 4 + 10); /* cut inside the object's header */
	ASSERT_EQ(bundle_reader_open(AT_FDCWD, "b.tar", NULL, &b, &err), -EBADMSG);
	put("b.tar", tar, 700);
	ASSERT_EQ(bundle_reader_open(AT_FDCWD, "b.tar", NULL, &b, &err), -EBADMSG);
	ASSERT(strstr(err.msg, "the file ends"));
	put("b.tar", tar + 1024, 100);
	ASSERT_EQ(bundle_reader_open(AT_FDCWD, "b.tar", NULL, &b, &err), -EBADMSG);
	put("b.tar", "", 0);
	ASSERT_EQ(bundle_reader_open(AT_FDCWD, "b.tar", NULL, &b, &err), -EBADMSG);
	n = make_tar(tar, "\"bytes\":", "\"bytes\":1");
	put("b.tar", tar, n);
	ASSERT_EQ(bundle_reader_open(AT_FDCWD, "b.tar", NULL, &b, &err), -EBADMSG);
	ASSERT(strstr(err.msg, "of another size"));
	n = make_tar(tar, NULL, NULL);
	hit = memmem(tar, n, object, 10);
	ASSERT(hit);
	hit[15] ^= 1;
	put("b.tar", tar, n);
	ASSERT_OK(bundle_reader_open(AT_FDCWD, "b.tar", NULL, &b, &err), &err);
	ASSERT_EQ(bundle_reader_object(
			  b, &bundle_reader_index(b)->components.items[0].objects.items[0], &text,
			  &len, &err),
		  -EBADMSG);
	ASSERT(strstr(err.msg, "is damaged"));
	bundle_reader_free(b);
}

TEST(every_gate_has_a_name_once)
{
	for (const struct gate_def *g = gate_defs; g->name; g++) {
		ASSERT(gate_find(g->name) == g);
		ASSERT_EQ(g->id, g - gate_defs);
	}
	ASSERT(!gate_find("no-such"));
}

static int read_object(void *arg, struct err *err)
{
	cleanup_bundle_reader struct bundle_reader *b = NULL;
	cleanup_free char *text = NULL;
	size_t len;
	int r = bundle_reader_open(AT_FDCWD, "b.tar", arg, &b, err);

	if (r >= 0)
		r = bundle_reader_object(
			b, &bundle_reader_index(b)->components.items[0].objects.items[0], &text,
			&len, err);
	if (r >= 0)
		ASSERT_STR(text, object);
	return r;
}

static void no_bundle_by_half(void *arg, const struct fault_result *result)
{
	(void)arg;
	/* jansson's lexer tells of a mistake in the text when it gets no memory */
	ASSERT(!result->failed || result->r == -EIO || result->r == -ENOMEM ||
	       (result->r == -EINVAL && strstr(result->err->msg, "index.json")));
}

TEST(reader_under_every_fault)
{
	char tar[16384], hex[SHA256_HEX_MAX];
	size_t n = make_tar(tar, NULL, NULL);

	json_set_alloc_funcs(malloc, free); /* jansson's heap too */
	put("b.tar", tar, n);
	ASSERT(fault_loop(read_object, no_bundle_by_half, (void *)sha256_mem_hex(tar, n, hex)) >
	       100);
}
