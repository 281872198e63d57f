#include "k3s-lock.h"
#include "buf.h"
#include "http.h"

#include <string.h>

#define RELEASES "https://github.com/k3s-io/k3s/releases/download"
#define SUMS_MAX (1U << 20)

/* "<base>/v1.35.2%2Bk3s1/<name>", owned by the caller. */
static char *release_url(const char *version, const char *name)
{
	const char *base = getenv("KILN_K3S_URL");
	cleanup_buf struct buf b = BUF_INIT(4096);

	base = base && *base ? base : RELEASES;
	(void)buf_add(&b, base, strlen(base) - (base[strlen(base) - 1] == '/'));
	(void)buf_addc(&b, '/');
	for (const char *p = version; *p; p++)
		(void)(*p == '+' ? buf_adds(&b, "%2B") : buf_addc(&b, *p));
	(void)buf_addf(&b, "/%s", name);
	return buf_error(&b) < 0 ? NULL : buf_steal(&b, NULL);
}

/* "<64 hex>  <name>" a line; a file in front of the name's own path is fine. */
static bool find_sum(const char *sums, const char *name, char dst[65])
{
	size_t len = strlen(name);

	for (const char *p = sums; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		size_t line = strcspn(p, "\r\n");

		if (line <= 66 || strspn(p, "0123456789abcdef") != 64)
			continue;
		if (line - 66 == len && strncmp(p + 66, name, len) == 0) {
			memcpy(dst, p, 64);
			dst[64] = '\0';
			return true;
		}
	}
	return false;
}

static int add_file(const struct cluster *c, const char *arch, const char *name, const char *file,
		    const char *sums, struct lock *l, struct err *err)
{
	cleanup_free char *url = release_url(c->k3s.version, file);
	char sha256[65];

	if (!url)
		return err_nomem(err);
	if (!find_sum(sums, file, sha256))
		return err_setf(err, -ENOENT,
				"K3s %s: its list of digests for %s does not name '%s'",
				c->k3s.version, arch, file);
	if (lock_add_file(l, &(struct lock_file){ (char *)name, c->k3s.version, (char *)arch, url,
						  sha256 }) < 0)
		return err_nomem(err);
	return 0;
}

static int get_sums(const struct cluster *c, const char *arch, struct http *h,
		    struct http_request *q, struct err *err)
{
	cleanup_free char *url = NULL;
	char name[64];
	int r;

	(void)snprintf(name, sizeof(name), "sha256sum-%s.txt", arch);
	url = release_url(c->k3s.version, name);
	if (!url)
		return err_nomem(err);
	q->url = url;
	q->max_bytes = SUMS_MAX;
	r = http_request(h, q, err);
	if (r >= 0 && q->status == 404)
		r = err_setf(err, -ENOENT,
			     "there is no K3s release '%s' (%s: 404); look at cluster.k3s.version",
			     c->k3s.version, url);
	if (r >= 0 && q->status != 200)
		r = err_setf(err, -EPROTO, "%s: the server answered %ld", url, q->status);
	q->url = NULL;
	return r;
}

int k3s_lock(const struct cluster *c, const char *arch, struct http *h, struct lock *l,
	     struct err *err)
{
	cleanup_http_request struct http_request q = { 0 };
	char binary[64], images[64];
	int r;

	if (c->k3s.binary)
		return 0;
	(void)snprintf(binary, sizeof(binary), "%s",
		       strcmp(arch, "amd64") == 0 ? "k3s" : "k3s-arm64");
	(void)snprintf(images, sizeof(images), "k3s-airgap-images-%s.tar.zst", arch);
	r = get_sums(c, arch, h, &q, err);
	if (r >= 0)
		r = add_file(c, arch, K3S_BINARY, binary, q.reply, l, err);
	return r >= 0 ? add_file(c, arch, K3S_IMAGES, images, q.reply, l, err) : r;
}
