#include "scratch.h"

#include "file.h"
#include "log.h"
#include "parse.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

#define TEXT_MAX 65536

/* The number behind @key in a small file; false: there is none. */
static bool number_in(const char *path, const char *key, uint64_t *ret)
{
	cleanup_free char *text = NULL;
	struct err none = { 0 };
	char digits[24];
	const char *p;
	size_t n;

	if (file_read_at(AT_FDCWD, path, TEXT_MAX, &text, NULL, &none) < 0)
		return false;
	p = strstr(text, key);
	if (!p)
		return false;
	p += strlen(key);
	p += strspn(p, " \t");
	n = strspn(p, "0123456789");
	if (n == 0 || n >= sizeof(digits))
		return false;
	memcpy(digits, p, n);
	digits[n] = '\0';
	return u64_parse(digits, ret) == 0;
}

uint64_t scratch_room(void)
{
	uint64_t free_kib, most, used, room;

	if (!number_in("/proc/meminfo", "MemAvailable:", &free_kib))
		return 0;
	room = free_kib * 1024;
	/* a container's own limit; "max" is no number */
	if (number_in("/sys/fs/cgroup/memory.max", "", &most) &&
	    number_in("/sys/fs/cgroup/memory.current", "", &used))
		room = most <= used ? 0 : most - used < room ? most - used : room;
	return room / 2;
}

bool scratch_mount(const char *dir, uint64_t bytes)
{
	const char *where = getenv("KILN_SCRATCH");
	char options[64];

	if (where && strcmp(where, "disk") == 0)
		return false;
	if (bytes > scratch_room()) {
		log_debugf("'%s' stays on disk: it may need %llu bytes", dir,
			   (unsigned long long)bytes);
		return false;
	}
	(void)snprintf(options, sizeof(options), "mode=0755,size=%llu", (unsigned long long)bytes);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
	    mount("kiln", dir, "tmpfs", MS_NODEV | MS_NOSUID, options) < 0) {
		log_debugf("'%s' stays on disk: %s", dir, strerror(errno));
		return false;
	}
	return true;
}
