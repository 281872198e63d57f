#include "oci-doc.h"
#include "test.h"

#include <string.h>

#define A "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define B "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
static int parse(const char *text, struct oci_doc *d, struct err *err)
{
	return oci_doc_parse(text, strlen(text), d, err);
}

/* {digest, os, arch, variant}; os NULL: no platform */
static void index_of(char *dst, size_t size, const char *const entries[][4], size_t len)
{
	size_t n = (size_t)snprintf(dst, size, "{\"schemaVersion\":2,\"manifests\":[");

	for (size_t i = 0; i < len; i++) {
		const char *const *e = entries[i];

		n += (size_t)snprintf(dst + n, size - n, "%s{\"digest\":\"%s\",\"size\":7",
				      i ? "," : "", e[0]);
		if (e[1])
			n += (size_t)snprintf(dst + n, size - n,
					      ",\"platform\":{\"os\":\"%s\",\"architecture\":"
					      "\"%s\",\"variant\":\"%s\"}",
					      e[1], e[2], e[3]);
		n += (size_t)snprintf(dst + n, size - n, "}");
	}
	(void)snprintf(dst + n, size - n, "]}");
}

TEST(oci_index_gives_the_platform_that_runs_everywhere)
{
	static const char *const entries[][4] = {
		{ A, "unknown", "unknown", "" }, { A, "linux", "amd64", "v3" },
		{ B, "windows", "amd64", "" },	 { B, "linux", "amd64", "" },
		{ A, "linux", "arm64", "v9" },	 { B, "linux", "arm64", "v8" },
		{ A, NULL, NULL, NULL },
	};
	cleanup_oci_doc struct oci_doc d = { 0 };
	struct err err = { 0 };
	char text[2048], *all;

	index_of(text, sizeof(text), entries, ARRAY_SIZE(entries));
	ASSERT_OK(parse(text, &d, &err), &err);
	ASSERT(d.index);
	ASSERT_STR(d.media_type, "application/vnd.oci.image.index.v1+json");
	ASSERT_STR(oci_doc_platform(&d, "amd64")->sha256, &B[7]);
	ASSERT_STR(oci_doc_platform(&d, "arm64")->sha256, &B[7]);
	ASSERT(!oci_doc_platform(&d, "riscv64"));
	ASSERT_EQ(oci_doc_bytes(&d), 7 * 7);
	all = oci_doc_platforms(&d);
	ASSERT_STR(all, "linux/amd64/v3, windows/amd64, linux/amd64, linux/arm64/v9, "
			"linux/arm64/v8");
	free(all);
}

TEST(oci_manifest_lists_the_configuration_first)
{
	cleanup_oci_doc struct oci_doc d = { 0 };
	struct err err = { 0 };

	ASSERT_OK(parse("{\"schemaVersion\":2,\"mediaType\":"
			"\"application/vnd.docker.distribution.manifest.v2+json\","
			"\"layers\":[{\"digest\":\"" A "\",\"size\":3}],"
			"\"config\":{\"digest\":\"" B "\",\"size\":2}}",
			&d, &err),
		  &err);
	ASSERT(!d.index);
	ASSERT_EQ(d.len, 2);
	ASSERT_STR(d.entries[0].sha256, &B[7]);
	ASSERT_EQ(oci_doc_bytes(&d), 5);
}

TEST(oci_errors_say_what_is_wrong)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "", "" },
		{ "{}", "'schemaVersion'" },
		{ "{\"schemaVersion\":1}", "schema version 1" },
		{ "{\"schemaVersion\":2,\"mediaType\":\"text/plain\"}", "unknown kind of image: "
									"'text/plain'" },
		{ "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"sha512:00\",\"size\":1}]}",
		  "manifests[0]: 'sha512:00' is no SHA-256 digest" },
		{ "{\"schemaVersion\":2,\"layers\":[]}", "'config'" },
		{ "{\"schemaVersion\":2,\"layers\":[{}],\"config\":{\"digest\":\"" A
		  "\",\"size\":1}}",
		  "layers[0]: 'digest'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_oci_doc struct oci_doc d = { 0 };
		struct err err = { 0 };

		ASSERT(parse(cases[i].text, &d, &err) < 0);
		ASSERT(strstr(err.msg, cases[i].error));
		ASSERT(!d.entries && !d.media_type);
	}
}
