#include "apt-mirror.h"
#include "base-apt.h"
#include "base-native.h"
#include "buf.h"
#include "file.h"
#include "tempfile.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define BUILD_MS (4U * 3600 * 1000) /* emulation on a busy machine takes an hour */
#define LOG_TAIL 3000

/*
 * Runs on the desk with the root as $1 and values in the environment. A program in the
 * root is reached through chroot: natively, or by binfmt under --emulate.
 */
static const char setup[] =
	"#!/bin/sh\n"
	"set -eu\n"
	"root=$1\n"
	"case $KILN_LOCALE in\n"
	"C.* | POSIX) ;;\n"
	"*)\n"
	"	printf '%s UTF-8\\n' \"$KILN_LOCALE\" >\"$root/etc/locale.gen\"\n"
	"	chroot \"$root\" locale-gen >/dev/null\n"
	"	;;\n"
	"esac\n"
	"printf 'LANG=%s\\n' \"$KILN_LOCALE\" >\"$root/etc/locale.conf\"\n"
	"ln -sfn ../locale.conf \"$root/etc/default/locale\"\n"
	"ln -sfn \"/usr/share/zoneinfo/$KILN_TIMEZONE\" \"$root/etc/localtime\"\n"
	"test -e \"$root/usr/share/zoneinfo/$KILN_TIMEZONE\"\n"
	"printf '%s\\n' \"$KILN_TIMEZONE\" >\"$root/etc/timezone\"\n"
	"chroot \"$root\" useradd --create-home --shell /bin/bash --user-group --uid 1000 \\\n"
	"	--groups sudo,adm,systemd-journal --password '*' -- \"$KILN_USER\"\n"
	"printf '%s ALL=(ALL:ALL) NOPASSWD: ALL\\n' \"$KILN_USER\" "
	">\"$root/etc/sudoers.d/90-kiln\"\n"
	"chmod 0440 \"$root/etc/sudoers.d/90-kiln\"\n"
	"printf '%s' \"$KILN_SOURCES\" >\"$root/etc/apt/sources.list.d/debian.sources\"\n"
	"if [ -e \"$root/etc/apt/apt.conf.d/50unattended-upgrades\" ]; then\n"
	"	printf 'APT::Periodic::%s \"1\";\\n' Update-Package-Lists Unattended-Upgrade \\\n"
	"		>\"$root/etc/apt/apt.conf.d/20auto-upgrades\"\n"
	"fi\n";

int native_inputs(const struct cluster *c, const struct lock *l, struct buf *out, struct err *err)
{
	cleanup_free char *sources = NULL;
	int r = apt_sources(c, l, &sources, err);

	if (r < 0)
		return r;
	/* "environment": roots made before it was Kiln's own may hold traces of the desk's */
	r = buf_addf(out, "locale %s\ntimezone %s\nuser %s\nsources %s\nsetup %s\nenvironment 1\n",
		     c->system.locale, c->system.timezone, c->system.user, sources, setup);
	return r < 0 ? err_nomem(err) : 0;
}

void native_done(struct native_build *n)
{
	child_done(&n->child);
	tempfile_free(n->tmp);
	close_fdp(&n->log_fd);
	*n = (struct native_build){ .log_fd = -EBADF };
}

static char *join(const struct string_list *l)
{
	cleanup_buf struct buf b = BUF_INIT(1 << 20);

	for (size_t i = 0; i < l->len; i++)
		(void)buf_addf(&b, "%s%s", i ? "," : "", l->items[i]);
	return buf_error(&b) < 0 ? NULL : buf_steal(&b, NULL);
}

static int prepare(struct native_build *n, const char *arch, char *const *paths, size_t len,
		   struct err *err)
{
	cleanup_free char *script = NULL, *log = NULL;
	int r;

	r = tempfile_new_dir(NULL, "kiln-root-", &n->tmp, err);
	if (r < 0)
		return r;
	/* without root, mmdebstrap reads the repository as another user of the namespace */
	if (chmod(n->tmp->path, 0755) < 0)
		return err_errnof(err, -errno, "cannot open '%s' to others", n->tmp->path);
	r = apt_repository(n->tmp->path, arch, paths, len, err);
	if (r < 0)
		return r;
	if (asprintf(&script, "%s/setup", n->tmp->path) < 0 ||
	    asprintf(&log, "%s/log", n->tmp->path) < 0)
		return err_nomem(err);
	r = file_replace_at(AT_FDCWD, script, setup, sizeof(setup) - 1, 0755, err);
	if (r < 0)
		return r;
	n->log_fd = neg_errno(open(log, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
	return n->log_fd < 0 ? err_errnof(err, n->log_fd, "cannot create '%s'", log) : 0;
}

static int env(char **dst, const char *name, const char *value)
{
	return asprintf(dst, "%s=%s", name, value) < 0 ? -ENOMEM : 0;
}

/* Maintainer scripts see mmdebstrap's environment: of the desk's only where programs and room are.
 */
static int desk_env(char **ret_path, char **ret_tmp)
{
	const char *path = getenv("PATH"), *tmp = getenv("TMPDIR");
	int r = env(ret_path, "PATH", path && *path ? path : "/usr/sbin:/usr/bin:/sbin:/bin");

	return r < 0 ? r : env(ret_tmp, "TMPDIR", tmp && *tmp ? tmp : "/tmp");
}

int native_start(const struct native_spec *spec, struct native_build *ret, struct err *err)
{
	cleanup_native struct native_build n = { .log_fd = -EBADF };
	const struct cluster *c = spec->cluster;
	cleanup_free char *list = join(spec->names), *archs = NULL, *include = NULL, *hook = NULL,
			  *repo = NULL;
	cleanup_free char *locale = NULL, *zone = NULL, *user = NULL, *sources = NULL, *text = NULL,
			  *path = NULL, *tmp = NULL;
	struct spawn s = { .stdout_fd = spec->tar_fd };
	char epoch[64];
	int r;

	r = prepare(&n, spec->arch, spec->paths, spec->len, err);
	if (r < 0)
		return r;
	r = apt_sources(c, spec->lock, &text, err);
	if (r < 0)
		return r;
	(void)snprintf(epoch, sizeof(epoch), "SOURCE_DATE_EPOCH=%lld", (long long)spec->epoch_s);
	if (!list || asprintf(&archs, "--architectures=%s", spec->arch) < 0 ||
	    asprintf(&include, "--include=%s", list) < 0 ||
	    asprintf(&hook, "--customize-hook=%s/setup", n.tmp->path) < 0 ||
	    asprintf(&repo, "deb [trusted=yes] copy:%s " BASE_SUITE " main", n.tmp->path) < 0 ||
	    env(&locale, "KILN_LOCALE", c->system.locale) < 0 ||
	    env(&zone, "KILN_TIMEZONE", c->system.timezone) < 0 ||
	    env(&user, "KILN_USER", c->system.user) < 0 ||
	    env(&sources, "KILN_SOURCES", text) < 0 || desk_env(&path, &tmp) < 0)
		return err_nomem(err);
	s.argv = (const char *const[]){
		"mmdebstrap",
		geteuid() == 0 ? "--mode=root" : "--mode=unshare",
		"--variant=apt",
		"--format=tar",
		archs,
		include,
		"--aptopt=APT::Install-Recommends \"false\"",
		"--aptopt=Acquire::Languages \"none\"",
		"--dpkgopt=force-unsafe-io",
		"--skip=check/qemu", /* asks for arch-test; a missing binfmt shows by itself */
		hook,
		BASE_SUITE,
		"-",
		repo,
		NULL
	};
	s.env = (const char *const[]){
		locale, zone, user,	    sources,	      epoch,
		path,	tmp,  "HOME=/root", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive",
		NULL
	};
	r = child_start(&s, n.log_fd, &n.child, err);
	if (r < 0)
		return r;
	*ret = n;
	n = (struct native_build){ .log_fd = -EBADF };
	return 0;
}

int native_wait(struct native_build *n, struct err *err)
{
	char tail[LOG_TAIL + 1];
	off_t end;
	ssize_t got;
	int r = child_wait(&n->child, BUILD_MS, err);

	if (r < 0)
		return r;
	if (r == 0)
		return err_setf(err, -ETIMEDOUT, "mmdebstrap did not end within %u s",
				BUILD_MS / 1000);
	if (n->child.exit_status == 0)
		return 0;
	end = lseek(n->log_fd, 0, SEEK_END);
	got = pread_upto(n->log_fd, tail, LOG_TAIL, end > LOG_TAIL ? (uint64_t)end - LOG_TAIL : 0);
	tail[got > 0 ? got : 0] = '\0';
	return err_setf(err, -ECHILD, "mmdebstrap failed (status %d): %s", n->child.exit_status,
			tail);
}
