#include "k3s-torn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct place {
	const char *path;
	unsigned depth;	  /* folders below it that are looked into */
	const char *also; /* a name of this place that is made anew too */
	bool authorities; /* K3s would make others, which nobody has pinned */
} places[] = {
	{ "server/tls", 2, "dynamic-cert.json", true },
	{ "server/cred", 0, NULL, false },
	{ "server/db/etcd", 0, "name", false },
	{ "agent", 0, NULL, false },
};

static bool has_end(const char *name, const char *const *ends, size_t n)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (len > strlen(ends[i]) && strcmp(name + len - strlen(ends[i]), ends[i]) == 0)
			return true;
	return false;
}

static bool made_anew(const char *name, const struct place *in)
{
	static const char *const ends[] = { ".crt", ".key", ".kubeconfig" };
	static const char *const identity[] = { "-ca.crt", "-ca.key" };

	if (in->also && strcmp(name, in->also) == 0)
		return true;
	if (in->authorities && (has_end(name, identity, ARRAY_SIZE(identity)) ||
				strncmp(name, "service.", strlen("service.")) == 0))
		return false;
	return has_end(name, ends, ARRAY_SIZE(ends));
}

static int remove_one(int dir_fd, const char *dir, const char *name, struct k3s_torn *ret,
		      struct err *err)
{
	size_t n = strlen(ret->names);

	if (unlinkat(dir_fd, name, 0) < 0)
		return err_errnof(err, -errno, "cannot remove the empty '%s' in '%s'", name, dir);
	ret->removed++;
	if (n + strlen(name) + 2 < sizeof(ret->names))
		(void)snprintf(ret->names + n, sizeof(ret->names) - n, "%s%s", n ? " " : "", name);
	return 0;
}

/* Names beside each other that are folders are gone into as deep as @depth says. */
static int sweep(int parent_fd, const char *path, unsigned depth, const struct place *in,
		 struct k3s_torn *ret, struct err *err)
{
	int fd = openat(parent_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const struct dirent *e;
	struct stat st;
	DIR *d;
	int r = 0;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
			       ? 0
			       : err_errnof(err, -errno, "cannot open '%s'", path);
	d = fdopendir(fd);
	if (!d) {
		r = err_errnof(err, -errno, "cannot read '%s'", path);
		(void)close(fd);
		return r;
	}
	while (r == 0 && (e = readdir(d))) {
		if (e->d_name[0] == '.' || fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth)
			r = sweep(fd, e->d_name, depth - 1, in, ret, err);
		else if (S_ISREG(st.st_mode) && !st.st_size && made_anew(e->d_name, in))
			r = remove_one(fd, path, e->d_name, ret, err);
	}
	(void)closedir(d);
	return r;
}

int k3s_torn_remove(const char *data_dir, struct k3s_torn *ret, struct err *err)
{
	int fd = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	*ret = (struct k3s_torn){ 0 };
	if (fd < 0)
		return errno == ENOENT ? 0 : err_errnof(err, -errno, "cannot open '%s'", data_dir);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(places); i++)
		r = sweep(fd, places[i].path, places[i].depth, &places[i], ret, err);
	(void)close(fd);
	return r;
}
