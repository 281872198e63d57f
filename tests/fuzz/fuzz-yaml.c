/*
 * fuzz-yaml - Kubernetes' YAML from any bytes; what is read prints as JSON that reads to the same
 */
#include "kval-write.h"
#include "yaml-json.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* A float may come back as the integer that it looks like (-0.0 prints as -0). */
static bool has_float(const struct kval *v)
{
	bool found = v->type == KVAL_FLOAT;

	for (size_t i = 0; v->type == KVAL_LIST && i < v->items_len && !found; i++)
		found = has_float(v->items[i]);
	for (size_t i = 0; v->type == KVAL_MAP && i < v->pairs_len && !found; i++)
		found = has_float(v->pairs[i].value);
	return found;
}

/* Canonical JSON is YAML: reading it again must give the same values and the same text. */
static void check_again(const struct kval *v)
{
	cleanup_kval_pool struct kval_pool pool = { 0 };
	cleanup_yaml_docs struct yaml_docs docs = { 0 };
	cleanup_buf struct buf once = BUF_INIT(4 << 20), twice = BUF_INIT(4 << 20);
	struct err err = { 0 };

	if (kval_write_json(v, &once) < 0)
		return; /* aliases may expand to more */
	if (has_float(v) || once.data[0] != '{' || memchr(once.data, 0x7f, once.len) ||
	    memmem(once.data, once.len, "\xc2", 1) || memmem(once.data, once.len, "\xef", 1) ||
	    memmem(once.data, once.len, "\xe2\x80", 2))
		return; /* characters that YAML takes only escaped */
	if (yaml_docs_read(&pool, "again", once.data, once.len, &docs, &err) < 0)
		return; /* a key of more than 1024 characters is no simple key */
	must(docs.len == 1);
	must(kval_write_json(docs.items[0].root, &twice) == 0);
	must(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	cleanup_kval_pool struct kval_pool pool = { 0 };
	cleanup_yaml_docs struct yaml_docs docs = { 0 };
	struct err err = { 0 };
	int r = yaml_docs_read(&pool, "fuzz.yaml", (const char *)data, len, &docs, &err);

	must(r == 0 || strncmp(err.msg, "fuzz.yaml:", 10) == 0);
	for (size_t i = 0; i < docs.len; i++)
		check_again(docs.items[i].root);
	return 0;
}
