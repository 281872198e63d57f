#include "oci-fetch.h"

#include "cache.h"
#include "file.h"
#include "oci-doc.h"
#include "oci-registry.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int missing(const struct lock_image *i, const char *arch, struct err *err)
{
	return err_setf(err, -ENOENT,
			"image '%s' for %s is not in the cache; 'kiln fetch' brings it", i->name,
			arch);
}

/* 1: there, and whole as far as its size tells; what is not is removed. */
static int is_there(const struct oci_entry *e, struct err *err)
{
	cleanup_free char *path = NULL;
	struct stat st;
	int r = cache_find(e->sha256, &path, err);

	if (r <= 0)
		return r;
	if (stat(path, &st) == 0 && (uint64_t)st.st_size == e->size_bytes)
		return 1;
	return unlink(path) < 0 ? err_errnof(err, -errno, "cannot remove the damaged '%s'", path)
				: 0;
}

static int all_there(const struct oci_doc *d, struct err *err)
{
	int r = 1;

	for (size_t i = 0; i < d->len && r > 0; i++)
		r = is_there(&d->entries[i], err);
	return r;
}

/* The document with that digest: of the cache, else of the registry. */
static int get_doc(const struct lock_image *i, const char *arch, const char *sha256, bool offline,
		   struct oci_doc *ret, struct err *err)
{
	cleanup_free char *path = NULL, *text = NULL;
	char hex[SHA256_HEX_MAX];
	size_t len = 0;
	int r = cache_find(sha256, &path, err);

	if (r > 0) {
		r = file_read_at(AT_FDCWD, path, OCI_DOC_MAX, &text, &len, err);
		if (r < 0)
			return r;
		if (strcmp(sha256_mem_hex(text, len, hex), sha256) == 0)
			return oci_doc_parse(text, len, ret, err);
		free(TAKE_PTR(text));
	}
	if (r >= 0 && offline)
		return missing(i, arch, err);
	if (r >= 0)
		r = oci_registry_doc(i->name, sha256, &text, &len, hex, err);
	return r >= 0 ? oci_doc_parse(text, len, ret, err) : r;
}

static int bring(const struct lock_image *i, const struct lock_platform *p, const struct oci_doc *d,
		 struct err *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r = is_there(&d->entries[0], err);

	if (r == 0)
		r = oci_registry_config(i->name, p->sha256, d->entries[0].sha256, &text, &len, err);
	if (r >= 0)
		r = all_there(d, err);
	if (r == 0)
		r = oci_registry_layers(i->name, p->sha256, err);
	if (r >= 0)
		r = all_there(d, err);
	if (r == 0)
		return err_setf(err, -EBADMSG,
				"skopeo did not bring all layers as manifest %s names them",
				p->sha256);
	return r < 0 ? r : 0;
}

int oci_fetch(const struct lock_image *i, const struct lock_platform *p, bool offline,
	      struct err *err)
{
	cleanup_oci_doc struct oci_doc top = { 0 }, d = { 0 };
	int r = get_doc(i, p->arch, i->sha256, offline, &top, err);

	if (r >= 0)
		r = get_doc(i, p->arch, p->sha256, offline, &d, err);
	if (r >= 0 && (d.index || d.len == 0))
		r = err_setf(err, -EINVAL, "%s is no manifest of one platform", p->sha256);
	if (r >= 0)
		r = all_there(&d, err);
	if (r == 0 && offline)
		return missing(i, p->arch, err);
	if (r == 0)
		r = bring(i, p, &d, err);
	return r < 0 ? err_wrapf(err, r, "image '%s' for %s", i->name, p->arch) : r;
}
