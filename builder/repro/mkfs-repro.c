/*
 * mkfs-repro - preloaded into mkfs.btrfs so that equal trees give equal bytes
 *
 * mkfs.btrfs makes UUIDs at random, takes times from the clock and walks folders in the
 * order of the desk's file system. Here instead:
 *	uuid_generate()         from KILN_REPRO_SEED and a counter
 *	time(), gettimeofday()  KILN_REPRO_TIME
 *	nftw()                  names sorted; times of files at most KILN_REPRO_TIME, and
 *	                        access and change times those of the last modification
 * Nothing else of the program is touched. Without the two variables it does what it
 * always did.
 */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#define PUBLIC __attribute__((visibility("default")))

struct names {
	char **items;
	size_t len;
};

static time_t fixed_time(void)
{
	const char *s = getenv("KILN_REPRO_TIME");

	return s ? (time_t)strtoll(s, NULL, 10) : 0;
}

/* FNV-1a, twice with different ends: unique among the few ids of one file system. */
static uint64_t mix(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return h ^ h >> 29;
}

PUBLIC void uuid_generate(unsigned char out[16]);
PUBLIC void uuid_generate(unsigned char out[16])
{
	static uint64_t counter;
	const char *seed = getenv("KILN_REPRO_SEED");
	uint64_t n = ++counter, a, b;

	if (!seed)
		seed = "";
	a = mix(mix(UINT64_C(0xcbf29ce484222325), seed, strlen(seed)), &n, sizeof(n));
	b = mix(mix(a, &n, sizeof(n)), seed, strlen(seed));
	memcpy(out, &a, 8);
	memcpy(out + 8, &b, 8);
	out[6] = (unsigned char)((out[6] & 0x0f) | 0x80);        /* RFC 9562: version 8, custom */
	out[8] = (unsigned char)((out[8] & 0x3f) | 0x80);
}

PUBLIC time_t time(time_t *ret)
{
	time_t t = fixed_time();

	if (ret)
		*ret = t;
	return t;
}

PUBLIC int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	(void)tz;
	*tv = (struct timeval){ .tv_sec = fixed_time() };
	return 0;
}

static void names_done(struct names *n)
{
	for (size_t i = 0; i < n->len; i++)
		free(n->items[i]);
	free(n->items);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list(const char *path, struct names *ret)
{
	DIR *d = opendir(path);
	struct dirent *e;

	if (!d)
		return -1;
	while ((e = readdir(d))) {
		char **grown;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		grown = reallocarray(ret->items, ret->len + 1, sizeof(*grown));
		if (!grown || !(grown[ret->len] = strdup(e->d_name))) {
			ret->items = grown ? grown : ret->items;
			(void)closedir(d);
			errno = ENOMEM;
			return -1;
		}
		ret->items = grown;
		ret->len++;
	}
	(void)closedir(d);
	qsort(ret->items, ret->len, sizeof(*ret->items), by_name);
	return 0;
}

static void clamp(struct stat *st)
{
	if (st->st_mtim.tv_sec >= fixed_time())
		st->st_mtim = (struct timespec){ .tv_sec = fixed_time() };
	st->st_atim = st->st_ctim = st->st_mtim;
}

static int walk(char *path, size_t len, int level, __nftw_func_t fn)
{
	const char *slash = strrchr(path, '/');
	struct FTW at = { .base = slash ? (int)(slash + 1 - path) : 0, .level = level };
	struct names names = { 0 };
	struct stat st;
	int r;

	if (lstat(path, &st) < 0)
		return -1;
	clamp(&st);
	r = fn(path, &st, S_ISDIR(st.st_mode) ? FTW_D : S_ISLNK(st.st_mode) ? FTW_SL : FTW_F, &at);
	if (r != 0 || !S_ISDIR(st.st_mode))
		return r;
	r = list(path, &names);
	for (size_t i = 0; r == 0 && i < names.len; i++) {
		int n = snprintf(path + len, PATH_MAX - len, "/%s", names.items[i]);

		if (n < 0 || (size_t)n >= PATH_MAX - len) {
			errno = ENAMETOOLONG;
			r = -1;
		} else {
			r = walk(path, len + (size_t)n, level + 1, fn);
		}
		path[len] = '\0';
	}
	names_done(&names);
	return r;
}

/* What mkfs.btrfs asks for: FTW_PHYS, folders before what is in them. */
PUBLIC int nftw(const char *dir, __nftw_func_t fn, int descriptors, int flags)
{
	char path[PATH_MAX];
	size_t len = strlen(dir);

	(void)descriptors;
	if (flags & ~FTW_PHYS || len >= sizeof(path)) {
		errno = EINVAL;
		return -1;
	}
	memcpy(path, dir, len + 1);
	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	return walk(path, len, 0, fn);
}
