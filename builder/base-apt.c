#include "apt-mirror.h"
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

#define CONF_MAX (64U << 10)
#define OUT_MAX (16U << 20)
#define UPDATE_MS (600U * 1000)

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

/* The desk reads the same mirrors that the nodes will, and Kiln's own package beside them. */
static int put_sources(const struct state *st, const struct apt_request *rq, const struct lock *l,
		       struct err *err)
{
	cleanup_free char *text = NULL;
	cleanup_buf struct buf b = BUF_INIT(CONF_MAX);
	int r = apt_sources(rq->cluster, l, &text, err);

	if (r < 0)
		return r;
	(void)buf_adds(&b, text);
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

static int state_open(struct state *st, const struct apt_request *rq, const struct lock *l,
		      struct err *err)
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
		r = put_sources(st, rq, l, err);
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

/* Cuts @line of apt's --print-uris: 'URI' name_version_arch.deb size SHA256:hex */
static int cut_uri(char *line, char *end, struct lock_package *ret, struct err *err)
{
	char *save = NULL, *file, *size, *hash, *dot;
	struct lock_package p = { .url = line + 1 };

	*end = '\0';
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
	*ret = p;
	return 0;
}

static int take_uri(struct lock *l, struct lock_set *set, char *line, struct err *err)
{
	struct lock_package p;
	char *end = strrchr(line, '\'');
	cleanup_free char *id = NULL;
	int r;

	if (line[0] != '\'' || !end || end == line)
		return 0;
	if (strncmp(line + 1, "file:", 5) == 0)
		return 0; /* Kiln's own package */
	r = cut_uri(line, end, &p, err);
	if (r < 0)
		return r;
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

	r = apt_mirror_find(rq->cluster, l, err);
	if (r >= 0)
		r = state_open(&st, rq, l, err);
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
