#include "base-apt.h"
#include "buf.h"
#include "cache.h"
#include "digest.h"
#include "file.h"
#include "parse.h"
#include "spawn.h"
#include "tempfile.h"
#include "tree.h"

#include <fcntl.h>
#include <string.h>

#define KEYRING "/usr/share/keyrings/debian-archive-keyring.gpg"
#define COMPONENTS "main non-free-firmware"
#define MIRROR "http://deb.debian.org/debian"
#define MIRROR_SECURITY "http://deb.debian.org/debian-security"
#define CONF_MAX (64U << 10)
#define OUT_MAX (16U << 20)
#define UPDATE_MS (600U * 1000)
#define FETCH_MS (3600U * 1000)
#define BATCH 64U /* downloads in one run of apt-helper */

/* The sites of the desk's own Debian: the first with a plain suite, the first with -security. */
static int desk_mirrors(char **ret_main, char **ret_security, struct err *err)
{
	cleanup_spawn struct spawn s = {
		.argv = (const char *const[]){ "apt-get", "indextargets", "--format",
					       "$(SITE) $(CODENAME) $(COMPONENT) $(ORIGIN)",
					       "Created-By: Packages", NULL },
		.out_max = OUT_MAX,
		.timeout_ms = UPDATE_MS,
	};
	char *save = NULL, site[1024], codename[128], component[128], origin[128];
	int r = spawn_run(&s, err);

	if (r < 0)
		return r;
	for (char *line = strtok_r(s.out, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (sscanf(line, "%1023s %127s %127s %127s", site, codename, component, origin) !=
			    4 ||
		    strcmp(component, "main") != 0 || strcmp(origin, "Debian") != 0)
			continue;
		if (!*ret_security && strstr(codename, "-security"))
			*ret_security = strdup(site);
		else if (!*ret_main && !strchr(codename, '-'))
			*ret_main = strdup(site);
	}
	return 0;
}

static int add_source(struct buf *b, const char *uri, const char *suites)
{
	return buf_addf(b,
			"Types: deb\nURIs: %s\nSuites: %s\nComponents: " COMPONENTS
			"\nSigned-By: " KEYRING "\n\n",
			uri, suites);
}

char *apt_sources(const struct cluster *c)
{
	cleanup_buf struct buf b = BUF_INIT(CONF_MAX);
	const char *mirror = c->system.mirror;

	(void)add_source(&b, mirror ? mirror : MIRROR,
			 BASE_SUITE " " BASE_SUITE "-updates " BASE_SUITE "-backports");
	(void)add_source(&b, mirror ? mirror : MIRROR_SECURITY, BASE_SUITE "-security");
	return buf_error(&b) < 0 ? NULL : buf_steal(&b, NULL);
}

struct state {
	char *dir;	      /* owned; "<cache>/apt/<arch>" */
	struct tempfile *tmp; /* owned; configuration and the local repository */
};

static void state_done(struct state *st)
{
	free(st->dir);
	tempfile_free(st->tmp);
}

static int put(const struct state *st, const char *name, const struct buf *b, struct err *err)
{
	cleanup_free char *path = NULL;

	if (buf_error(b) < 0 || asprintf(&path, "%s/%s", st->tmp->path, name) < 0)
		return err_nomem(err);
	return file_replace_at(AT_FDCWD, path, buf_str(b), b->len, 0644, err);
}

static int put_sources(const struct state *st, const struct apt_request *rq, struct err *err)
{
	cleanup_free char *main_uri = NULL, *security = NULL;
	cleanup_buf struct buf b = BUF_INIT(CONF_MAX);
	const char *own = rq->cluster->system.mirror;
	int r = own ? 0 : desk_mirrors(&main_uri, &security, err);

	if (r < 0)
		return r;
	(void)add_source(&b,
			 own	    ? own
			 : main_uri ? main_uri
				    : MIRROR,
			 BASE_SUITE " " BASE_SUITE "-updates " BASE_SUITE "-backports");
	if (!own || strstr(own, "security"))
		(void)add_source(&b, security ? security : MIRROR_SECURITY, BASE_SUITE "-security");
	if (rq->local_deb)
		(void)buf_addf(&b,
			       "Types: deb\nURIs: file:%s/local\nSuites: " BASE_SUITE
			       "\nComponents: main\nTrusted: yes\n",
			       st->tmp->path);
	return put(st, "debian.sources", &b, err);
}

static int put_preferences(const struct state *st, const struct apt_request *rq, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT(CONF_MAX);
	const char *suite = rq->board->kernel.suite;

	if (suite && strcmp(suite, BASE_SUITE) != 0) {
		(void)buf_addf(&b, "Package: %s", rq->board->kernel.package);
		for (size_t i = 0; i < rq->board->backports.len; i++)
			(void)buf_addf(&b, " %s", rq->board->backports.items[i]);
		(void)buf_addf(&b, "\nPin: release n=%s\nPin-Priority: 990\n", suite);
	}
	return put(st, "preferences", &b, err);
}

static int put_config(const struct state *st, const struct apt_request *rq, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT(CONF_MAX);

	(void)buf_addf(
		&b,
		"#clear APT::Update::Post-Invoke;\n#clear APT::Update::Post-Invoke-Success;\n"
		"#clear APT::Update::Pre-Invoke;\n#clear DPkg::Post-Invoke;\n#clear "
		"DPkg::Pre-Install-Pkgs;\n"
		"#clear APT::Architectures;\nAPT::Architecture \"%s\";\nAPT::Architectures { "
		"\"%s\"; };\n"
		"APT::Default-Release \"\";\nAPT::Install-Recommends \"false\";\n"
		"APT::Install-Suggests \"false\";\nAPT::Get::AutomaticRemove \"false\";\n"
		"Acquire::Languages \"none\";\nAcquire::Retries \"3\";\nAcquire::ForceHash "
		"\"SHA256\";\n",
		rq->arch, rq->arch);
	(void)buf_addf(&b,
		       "Dir::State \"%s/state\";\nDir::State::status \"%s/status\";\n"
		       "Dir::Cache \"%s/cache\";\nDir::Cache::pkgcache \"pkgcache.bin\";\n"
		       "Dir::Cache::srcpkgcache \"srcpkgcache.bin\";\n",
		       st->dir, st->tmp->path, st->dir);
	(void)buf_addf(
		&b,
		"Dir::Etc::sourcelist \"%s/debian.sources\";\nDir::Etc::sourceparts \"-\";\n"
		"Dir::Etc::preferences \"%s/preferences\";\nDir::Etc::preferencesparts \"-\";\n"
		"Dir::Etc::trusted \"/dev/null\";\nDir::Etc::trustedparts \"-\";\n",
		st->tmp->path, st->tmp->path);
	if (geteuid() == 0)
		(void)buf_adds(&b,
			       "APT::Sandbox::User \"root\";\n"); /* our folder is not for _apt */
	return put(st, "apt.conf", &b, err);
}

static int state_open(struct state *st, const struct apt_request *rq, struct err *err)
{
	cleanup_free char *local = NULL, *rel = NULL;
	cleanup_buf struct buf none = BUF_INIT(1);
	int r;

	if (asprintf(&rel, "apt/%s/state/lists/partial/x", rq->arch) < 0)
		return err_nomem(err);
	r = cache_path(rel, &st->dir, err);
	if (r < 0)
		return r;
	*strstr(st->dir, "/state/lists/partial/x") = '\0';
	r = tempfile_new_dir(NULL, "kiln-apt-", &st->tmp, err);
	if (r < 0)
		return r;
	if (asprintf(&local, "%s/local", st->tmp->path) < 0)
		return err_nomem(err);
	r = tree_mkdirs_at(AT_FDCWD, local, 0755, err);
	if (r >= 0 && rq->local_deb)
		r = apt_repository(local, rq->arch, (char *const[]){ (char *)rq->local_deb }, 1,
				   err);
	if (r >= 0)
		r = put(st, "status", &none, err);
	if (r >= 0)
		r = put_sources(st, rq, err);
	if (r >= 0)
		r = put_preferences(st, rq, err);
	return r >= 0 ? put_config(st, rq, err) : r;
}

/* "apt-get -c <our configuration> WORD... NAME..." with its output. */
static int run_apt(const struct state *st, const char *const *words,
		   const struct string_list *names, uint64_t timeout_ms, char **ret_out,
		   struct err *err)
{
	cleanup_free char *conf = NULL;
	cleanup_free const char **argv = NULL;
	cleanup_spawn struct spawn s = { .out_max = OUT_MAX, .timeout_ms = timeout_ms };
	size_t n = 0;
	int r;

	argv = calloc((names ? names->len : 0) + 24, sizeof(*argv));
	if (!argv || asprintf(&conf, "-c=%s/apt.conf", st->tmp->path) < 0)
		return err_nomem(err);
	argv[n++] = "apt-get";
	argv[n++] = conf;
	for (; *words && n < 20; words++)
		argv[n++] = *words;
	for (size_t i = 0; names && i < names->len; i++)
		argv[n++] = names->items[i];
	s.argv = argv;
	s.env_add =
		(const char *const[]){ "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", NULL };
	r = spawn_run(&s, err);
	if (r >= 0 && ret_out)
		*ret_out = TAKE_PTR(s.out);
	return r;
}

/* "%3a" in a file name of apt's is ":". */
static void unquote(char *s)
{
	char *to = s;

	for (; *s; s++, to++) {
		unsigned char byte;

		if (*s == '%' && strlen(s) > 2) {
			char hex[3] = { s[1], s[2], '\0' };

			if (hex_decode(hex, &byte, 1) == 0) {
				*to = (char)byte;
				s += 2;
				continue;
			}
		}
		*to = *s;
	}
	*to = '\0';
}

/* 'URI' name_version_arch.deb size SHA256:hex */
static int take_uri(struct lock *l, struct lock_set *set, char *line, struct err *err)
{
	struct lock_package p = { 0 };
	char *end = strrchr(line, '\''), *save = NULL, *file, *size, *hash, *dot;
	cleanup_free char *id = NULL;

	if (line[0] != '\'' || !end || end == line)
		return 0;
	*end = '\0';
	p.url = line + 1;
	if (strncmp(p.url, "file:", 5) == 0)
		return 0; /* Kiln's own package */
	file = strtok_r(end + 1, " ", &save);
	size = strtok_r(NULL, " ", &save);
	hash = strtok_r(NULL, " ", &save);
	if (!file || !size || !hash || strncmp(hash, "SHA256:", 7) != 0 ||
	    u64_parse(size, &p.size_bytes) < 0)
		return err_setf(err, -EPROTO, "apt gave no SHA-256 for '%s'", p.url);
	unquote(file);
	dot = strstr(file, ".deb");
	p.name = file;
	p.version = strchr(file, '_');
	p.arch = strrchr(file, '_');
	if (!dot || !p.version || p.arch == p.version)
		return err_setf(err, -EPROTO, "apt gave an odd file name: '%s'", file);
	*dot = *p.version++ = *p.arch++ = '\0';
	p.sha256 = hash + 7;
	id = lock_package_id(&p);
	if (!id || lock_add_package(l, &p) < 0 || lock_list_add(&set->packages, id) < 0)
		return err_nomem(err);
	return 0;
}

static int take_uris(const struct apt_request *rq, struct lock *l, char *out, struct err *err)
{
	struct lock_set set = { .board = rq->board->name,
				.arch = (char *)rq->arch,
				.names = *rq->names };
	char *save = NULL;
	int r = 0;

	for (char *line = strtok_r(out, "\n", &save); line && r >= 0;
	     line = strtok_r(NULL, "\n", &save))
		r = take_uri(l, &set, line, err);
	if (r >= 0 && !set.packages.len)
		r = err_setf(err, -EPROTO, "apt named no package at all");
	if (r >= 0 && lock_add_set(l, &set) < 0)
		r = err_nomem(err);
	lock_list_done(&set.packages);
	return r;
}

int apt_resolve(const struct apt_request *rq, struct lock *l, struct err *err)
{
	CLEANUP(state_done) struct state st = { 0 };
	cleanup_free char *out = NULL, *essential = NULL;
	int r;

	r = state_open(&st, rq, err);
	if (r < 0)
		return r;
	r = run_apt(&st, (const char *const[]){ "-qq", "update", "--error-on=any", NULL }, NULL,
		    UPDATE_MS, NULL, err);
	if (r < 0)
		return err_wrapf(err, r, "cannot read the package indexes of %s for %s", BASE_SUITE,
				 rq->arch);
	if (asprintf(&essential, "?narrow(?architecture(%s),?essential)", rq->arch) < 0)
		return err_nomem(err);
	r = run_apt(&st,
		    (const char *const[]){ "-qq", "-y", "--print-uris", "install", essential, "apt",
					   rq->local_deb ? "kiln-node" : "apt", NULL },
		    rq->names, UPDATE_MS, &out, err);
	if (r < 0)
		return err_wrapf(err, r, "board '%s': no set of packages of %s for %s",
				 rq->board->name, BASE_SUITE, rq->arch);
	return take_uris(rq, l, out, err);
}

/* One run of apt-helper for some packages: its methods, proxies and retries. */
static int fetch_batch(const struct lock_package *const *p, size_t len, const char *dir,
		       struct err *err)
{
	const char *argv[3 * BATCH + 8];
	cleanup_lock_list struct string_list own = { 0 };
	cleanup_spawn struct spawn s = { .timeout_ms = FETCH_MS, .out_max = OUT_MAX };
	size_t n = 0;
	int r = 0;

	argv[n++] = "/usr/lib/apt/apt-helper";
	argv[n++] = "-oAcquire::Retries=3";
	argv[n++] = geteuid() == 0 ? "-oAPT::Sandbox::User=root" : "-qq";
	argv[n++] = "-qq";
	argv[n++] = "download-file";
	for (size_t i = 0; i < len && r >= 0; i++) {
		char path[4096], hash[128];

		(void)snprintf(path, sizeof(path), "%s/%s", dir, p[i]->sha256);
		(void)snprintf(hash, sizeof(hash), "SHA256:%s", p[i]->sha256);
		r = lock_list_add(&own, path);
		if (r >= 0)
			r = lock_list_add(&own, hash);
	}
	if (r < 0)
		return err_nomem(err);
	for (size_t i = 0; i < len; i++) {
		argv[n++] = p[i]->url;
		argv[n++] = own.items[2 * i];
		argv[n++] = own.items[2 * i + 1];
	}
	argv[n] = NULL;
	s.argv = argv;
	r = spawn_run(&s, err);
	for (size_t i = 0; i < len && r >= 0; i++)
		r = cache_add(own.items[2 * i], p[i]->sha256, NULL, NULL, err);
	if (r < 0)
		return err_wrapf(err, r,
				 "cannot fetch %zu packages beginning with '%s' (a mirror keeps "
				 "only the newest: 'kiln update' locks those)",
				 len, p[0]->name);
	return 0;
}

int apt_fetch(const struct lock *l, const struct lock_set *s, bool offline, struct err *err)
{
	const struct lock_package *batch[BATCH];
	cleanup_tempfile struct tempfile *tmp = NULL;
	cleanup_free char *parent = NULL;
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < s->packages.len && r >= 0; i++) {
		const struct lock_package *p = lock_find(l, s->packages.items[i]);

		r = p ? cache_find(p->sha256, NULL, err) : -EINVAL;
		if (r < 0)
			return r;
		if (r == 0 && offline)
			return err_setf(err, -ENOENT,
					"package '%s' (%s, %s) is not in the cache; "
					"'kiln fetch' brings it",
					p->name, p->version, p->arch);
		if (r == 0)
			batch[n++] = p;
		r = 0;
		if (n && !tmp) {
			r = cache_path("tmp/x", &parent, err);
			if (r >= 0) {
				*strrchr(parent, '/') = '\0';
				r = tempfile_new_dir(parent, "debs-", &tmp, err);
			}
		}
		if (r >= 0 && (n == BATCH || (n && i + 1 == s->packages.len))) {
			r = fetch_batch(batch, n, tmp->path, err);
			n = 0;
		}
	}
	if (r >= 0 && n)
		r = fetch_batch(batch, n, tmp->path, err);
	return r;
}
