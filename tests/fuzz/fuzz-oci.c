/*
 * fuzz-oci - an image's index or manifest from any bytes, as a registry may send it
 */
#include "oci-doc.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* What is found is what was asked for, and one of the entries. */
static void check_platform(const struct oci_doc *d, const char *arch)
{
	const struct oci_entry *e = oci_doc_platform(d, arch);

	must(!e || (e >= d->entries && e < d->entries + d->len && strcmp(e->arch, arch) == 0 &&
		    strcmp(e->os, "linux") == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	cleanup_oci_doc struct oci_doc d = { 0 };
	cleanup_free char *all = NULL;
	struct err err = { 0 };

	if (oci_doc_parse((const char *)data, len, &d, &err) < 0) {
		must(err.msg[0] && !d.entries);
		return 0;
	}
	must(d.index || d.len > 0); /* a manifest has a configuration */
	for (size_t i = 0; i < d.len; i++)
		must(strspn(d.entries[i].sha256, "0123456789abcdef") == 64);
	check_platform(&d, "amd64");
	check_platform(&d, "arm64");
	all = oci_doc_platforms(&d);
	must(all && *all);
	(void)oci_doc_bytes(&d);
	return 0;
}
