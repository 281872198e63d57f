#include "oci-doc.h"

#include "json.h"

#include <string.h>

#define OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define DOCKER_INDEX "application/vnd.docker.distribution.manifest.list.v2+json"
#define DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"

void oci_doc_done(struct oci_doc *d)
{
	for (size_t i = 0; i < d->len; i++) {
		free(d->entries[i].os);
		free(d->entries[i].arch);
		free(d->entries[i].variant);
	}
	free(d->entries);
	free(d->media_type);
	*d = (struct oci_doc){ 0 };
}

static int copy_text(const json_t *o, const char *path, char **ret, struct err *err)
{
	const char *s;
	int r = jget_str_opt(o, path, &s, err);

	if (r <= 0)
		return r;
	*ret = strdup(s);
	return *ret ? 0 : err_nomem(err);
}

static int read_entry(const json_t *o, struct oci_doc *d, struct err *err)
{
	struct oci_entry *e = &d->entries[d->len];
	const char *digest;
	int r = jget_str(o, "digest", &digest, err);

	if (r >= 0)
		r = jget_u64(o, "size", &e->size_bytes, err);
	if (r < 0)
		return r;
	if (strncmp(digest, "sha256:", 7) != 0 || strlen(digest) != 71 ||
	    strspn(digest + 7, "0123456789abcdef") != 64)
		return err_setf(err, -EINVAL, "'%s' is no SHA-256 digest", digest);
	memcpy(e->sha256, digest + 7, sizeof(e->sha256));
	d->len++;
	r = copy_text(o, "platform.os", &e->os, err);
	if (r >= 0)
		r = copy_text(o, "platform.architecture", &e->arch, err);
	return r >= 0 ? copy_text(o, "platform.variant", &e->variant, err) : r;
}

static int read_entries(const json_t *root, struct oci_doc *d, struct err *err)
{
	json_t *list, *config = NULL;
	int r = jget_arr(root, d->index ? "manifests" : "layers", &list, err);

	if (r >= 0 && !d->index)
		r = jget_obj(root, "config", &config, err);
	if (r < 0)
		return r;
	d->entries = calloc(json_array_size(list) + 1, sizeof(*d->entries));
	if (!d->entries)
		return err_nomem(err);
	if (config)
		r = read_entry(config, d, err);
	for (size_t i = 0; i < json_array_size(list) && r >= 0; i++) {
		r = read_entry(json_array_get(list, i), d, err);
		if (r < 0)
			r = err_wrapf(err, r, "%s[%zu]", d->index ? "manifests" : "layers", i);
	}
	return r;
}

/* OCI's documents need not say what they are: their form does. */
static int read_type(const json_t *root, struct oci_doc *d, struct err *err)
{
	const char *type = NULL;
	int r = jget_str_opt(root, "mediaType", &type, err);

	if (r < 0)
		return r;
	d->index = js_at(root, "manifests") != NULL;
	if (!type)
		type = d->index ? OCI_INDEX : OCI_MANIFEST;
	if (strcmp(type, d->index ? OCI_INDEX : OCI_MANIFEST) != 0 &&
	    strcmp(type, d->index ? DOCKER_INDEX : DOCKER_MANIFEST) != 0)
		return err_setf(err, -EINVAL, "unknown kind of image: '%s'", type);
	d->media_type = strdup(type);
	return d->media_type ? 0 : err_nomem(err);
}

int oci_doc_parse(const char *text, size_t len, struct oci_doc *ret, struct err *err)
{
	cleanup_oci_doc struct oci_doc d = { 0 };
	cleanup_json json_t *root = NULL;
	uint32_t version = 0;
	int r = js_read(text, len, &root, err);

	if (r >= 0)
		r = jget_u32(root, "schemaVersion", &version, err);
	if (r >= 0 && version != 2)
		r = err_setf(err, -EINVAL, "an image of schema version %u; only 2 is known",
			     version);
	if (r >= 0)
		r = read_type(root, &d, err);
	if (r >= 0)
		r = read_entries(root, &d, err);
	if (r < 0)
		return r;
	*ret = d;
	d = (struct oci_doc){ 0 };
	return 0;
}

/* arm64 is v8; amd64's v2 to v4 are for newer machines only, arm64's v9 too. */
static bool runs_everywhere(const struct oci_entry *e)
{
	return !e->variant || !*e->variant || strcmp(e->variant, "v1") == 0 ||
	       (strcmp(e->arch, "arm64") == 0 && strcmp(e->variant, "v8") == 0);
}

const struct oci_entry *oci_doc_platform(const struct oci_doc *index, const char *arch)
{
	for (size_t i = 0; i < index->len; i++) {
		const struct oci_entry *e = &index->entries[i];

		if (e->os && e->arch && strcmp(e->os, "linux") == 0 && strcmp(e->arch, arch) == 0 &&
		    runs_everywhere(e))
			return e;
	}
	return NULL;
}

char *oci_doc_platforms(const struct oci_doc *index)
{
	cleanup_buf struct buf b = BUF_INIT(OCI_DOC_MAX);

	for (size_t i = 0; i < index->len; i++) {
		const struct oci_entry *e = &index->entries[i];

		/* attestations are listed as unknown/unknown */
		if (!e->os || !e->arch || strcmp(e->os, "unknown") == 0)
			continue;
		(void)buf_addf(&b, "%s%s/%s%s%s", b.len ? ", " : "", e->os, e->arch,
			       e->variant && *e->variant ? "/" : "", e->variant ?: "");
	}
	if (b.len == 0)
		(void)buf_adds(&b, "no platform");
	return buf_error(&b) < 0 ? NULL : buf_steal(&b, NULL);
}

uint64_t oci_doc_bytes(const struct oci_doc *d)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < d->len; i++)
		sum += d->entries[i].size_bytes;
	return sum;
}
