/*
 * What K3s, Cilium and Ceph need of the kernel, looked up in effect: files that were
 * only written change nothing. What is wrong is named with its cure.
 */
#include "agent.h"
#include "spawn.h"

#include <string.h>
#include <sys/stat.h>

static bool module_there(const struct agent *a, const char *name)
{
	char path[128], flat[96];
	struct stat st;

	(void)snprintf(flat, sizeof(flat), "%s", name);
	for (char *p = flat; *p; p++)
		if (*p == '-')
			*p = '_';
	(void)snprintf(path, sizeof(path), "sys/module/%s", flat);
	return fstatat(a->root_fd, path, &st, 0) == 0;
}

/* Built-in modules without parameters have no folder in /sys/module: modprobe knows them. */
static int load_module(struct agent *a, const char *name, struct err *err)
{
	cleanup_spawn struct spawn s = {
		.argv = (const char *const[]){ "modprobe", "--", name, NULL },
		.timeout_ms = 5000,
	};
	int r;

	if (module_there(a, name))
		return 0;
	r = spawn_run(&s, err);
	if (r < 0)
		return err_wrapf(
			err, r,
			"kernel module '%s' cannot be loaded; is this the kernel that Kiln baked?",
			name);
	return 0;
}

static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = text; (p = strstr(p, word)); p += len)
		if ((p == text || p[-1] == ' ') && (p[len] == ' ' || p[len] == '\n' || !p[len]))
			return true;
	return false;
}

static int check_cgroups(struct agent *a, struct err *err)
{
	const struct json_strings *want = &a->node.host.cgroups;
	cleanup_free char *have = NULL;
	int r;

	if (!want->len)
		return 0;
	r = agent_read(a, "sys/fs/cgroup/cgroup.controllers", &have, err);
	if (r < 0)
		return err_wrapf(err, r, "cgroup v2 is not mounted at /sys/fs/cgroup");
	for (size_t i = 0; i < want->len; i++)
		if (!has_word(have, want->items[i]))
			return err_setf(err, -ENOTSUP,
					"the kernel has no cgroup controller '%s': take "
					"cgroup_disable=%s off the "
					"command line (with a Raspberry Pi kernel add "
					"cgroup_enable=%s) and reboot",
					want->items[i], want->items[i], want->items[i]);
	return 0;
}

static int check_sysctl(struct agent *a, const char *name, const char *want, struct err *err)
{
	cleanup_free char *have = NULL;
	char path[256];
	int r;

	(void)snprintf(path, sizeof(path), "proc/sys/%s", name);
	for (char *p = path + strlen("proc/sys/"); *p; p++)
		if (*p == '.')
			*p = '/';
	r = agent_read(a, path, &have, err);
	if (r < 0)
		return err_wrapf(err, r, "sysctl %s", name);
	have[strcspn(have, "\n")] = '\0';
	if (strcmp(have, want) != 0)
		return err_setf(err, -EINVAL,
				"sysctl %s is %s, not %s: another file in /etc/sysctl.d sets it",
				name, have, want);
	return 0;
}

/* kubelet refuses to start beside swap, and a stub resolver makes CoreDNS ask itself. */
static int check_files(struct agent *a, struct step_turn *turn, struct err *err)
{
	cleanup_free char *swaps = NULL, *resolv = NULL;
	int r = agent_read(a, "proc/swaps", &swaps, err);

	if (r >= 0 && strchr(swaps, '\n') && strchr(swaps, '\n')[1])
		return err_setf(err, -EBUSY,
				"swap is on: 'swapoff -a' and take it out of /etc/fstab");
	r = agent_read(a, "etc/resolv.conf", &resolv, err);
	if (r < 0 || !strstr(resolv, "nameserver "))
		step_reasonf(
			turn,
			"/etc/resolv.conf names no server: names of the internet will not resolve");
	else if (strstr(resolv, "nameserver 127.0.0.53"))
		return err_setf(err, -EINVAL,
				"/etc/resolv.conf points at systemd-resolved's stub, which makes "
				"CoreDNS ask itself");
	return 0;
}

int step_host(struct agent *a, struct step_turn *turn, struct err *err)
{
	long page = sysconf(_SC_PAGESIZE);
	int r;

	if (page != 4096)
		return err_setf(err, -ENOTSUP,
				"memory pages are %ld bytes: containers built for 4096 break; boot "
				"the 4 KiB kernel",
				page);
	for (size_t i = 0; i < a->node.host.modules.len; i++) {
		r = load_module(a, a->node.host.modules.items[i], err);
		if (r < 0)
			return r;
	}
	r = check_cgroups(a, err);
	for (size_t i = 0; r >= 0 && i < a->node.host.sysctls.len; i++)
		r = check_sysctl(a, a->node.host.sysctls.keys[i], a->node.host.sysctls.values[i],
				 err);
	if (r < 0)
		return r;
	return check_files(a, turn, err);
}
