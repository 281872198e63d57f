#include "base-apt.h"
#include "cluster-open.h"
#include "cmd-fetch.h"
#include "commands.h"
#include "fetch.h"
#include "oci-archive.h"
#include "options.h"
#include "phase.h"

const char cmd_fetch_help[] =
	"  -f FILE  default: cluster.yaml here; kiln.lock is beside it\n"
	"\n"
	"Everything is checked by its SHA-256, and what was cut off goes on where it\n"
	"stopped. Afterwards 'kiln bake --offline' needs no network. The cache is\n"
	"$KILN_CACHE, else ~/.cache/kiln. Proxies: as curl and apt know them; a CA of\n"
	"your own: SSL_CERT_FILE.\n"
	"\n"
	"Container images are brought by skopeo, for the boards' architectures alone, and packed\n"
	"into one archive for each. Logins: as skopeo knows them (REGISTRY_AUTH_FILE). Mirrors:\n"
	"registries.conf; CONTAINERS_REGISTRIES_CONF names one of your own.\n";

static int fetch_packages(const struct lock *l, struct phases *p, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < l->sets_len && r >= 0; i++) {
		phase_begin(p, "packages of %s (%s)", l->sets[i].board, l->sets[i].arch);
		r = apt_fetch(l, &l->sets[i], false, err);
		if (r >= 0)
			phase_end(p, NULL);
	}
	return r;
}

static int fetch_files(const struct lock *l, struct phases *p, struct err *err)
{
	cleanup_http struct http *h = NULL;
	int r = http_new(&h, err);

	for (size_t i = 0; i < l->files_len && r >= 0; i++) {
		cleanup_free char *path = NULL;

		phase_begin(p, "%s %s for %s", l->files[i].name, l->files[i].version,
			    l->files[i].arch);
		r = fetch_file(&l->files[i], h, &path, err);
		if (r >= 0)
			phase_end(p, NULL);
	}
	return r;
}

/* One archive for each architecture that the lock's images have. */
static int fetch_images(const struct lock *l, struct phases *p, struct err *err)
{
	static const char *const archs[] = { "amd64", "arm64" };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(archs) && r >= 0; i++) {
		cleanup_free char *path = NULL;
		char hex[SHA256_HEX_MAX];

		if (!oci_archive_needed(l, archs[i]))
			continue;
		r = oci_archive_get(l, archs[i], false, p, &path, hex, err);
		if (r >= 0)
			printf("images for %s: %s\n", archs[i], path);
	}
	return r;
}

static int fetch(const char *file, struct err *err)
{
	cleanup_cluster struct cluster *c = NULL;
	cleanup_lock struct lock l = { 0 };
	struct phases phases;
	int r;

	r = cluster_open(file, &c, err);
	if (r >= 0)
		r = lock_load(c, &l, err);
	if (r < 0)
		return r;
	phases_init(&phases, stderr);
	r = fetch_files(&l, &phases, err);
	if (r >= 0)
		r = fetch_packages(&l, &phases, err);
	if (r >= 0)
		r = fetch_images(&l, &phases, err);
	if (r >= 0)
		printf("all %zu packages and %zu files of kiln.lock are in the cache, and %zu "
		       "images\n",
		       l.packages_len, l.files_len, l.images_len);
	return r;
}

int cmd_fetch(int argc, char **argv, struct err *err)
{
	static const struct option_row rows[] = { { .name = "-f", .kind = OPTION_TEXT }, { 0 } };
	const char *path = CLUSTER_FILE;
	int r = options_parse(rows, argc, argv, &path, err);

	return r != 0 ? r : fetch(path, err);
}
