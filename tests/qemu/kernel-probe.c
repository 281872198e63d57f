/*
 * kernel-probe - on a node: BPF as Cilium uses it, and a block device over nbd as Rook may
 *
 * Prints "ok - NAME" or "not ok - NAME" with the reason. Linked statically; needs root.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/nbd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CGROUP "/sys/fs/cgroup/kiln-probe"
#define DEVICE "/dev/nbd0"
#define DEVICE_BYTES (1 << 20)
#define PATTERN 0x5a
#define SECONDS_MAX 120

static char verifier_log[4096];

static int bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static void tell(const char *name, bool good)
{
	if (good)
		printf("ok - %s\n", name);
	else
		printf("not ok - %s\n#   %s; %.400s\n", name, strerror(errno), verifier_log);
	(void)fflush(stdout);
}

/* ---- maps ---- */

static const struct map_kind {
	const char *name;
	enum bpf_map_type type;
	uint32_t key, value, entries, flags;
} map_kinds[] = {
	{ "hash", BPF_MAP_TYPE_HASH, 8, 8, 16, BPF_F_NO_PREALLOC },
	{ "LRU hash", BPF_MAP_TYPE_LRU_HASH, 8, 8, 16, 0 },
	{ "per-CPU hash", BPF_MAP_TYPE_PERCPU_HASH, 8, 8, 16, 0 },
	{ "LPM trie", BPF_MAP_TYPE_LPM_TRIE, 8, 8, 16, BPF_F_NO_PREALLOC },
	{ "perf event array", BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 4, 0 },
	{ "program array", BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4, 0 },
	{ "ring buffer", BPF_MAP_TYPE_RINGBUF, 0, 0, 65536, 0 },
};

static int map_new(const struct map_kind *k)
{
	union bpf_attr a = { .map_type = k->type,
			     .key_size = k->key,
			     .value_size = k->value,
			     .max_entries = k->entries,
			     .map_flags = k->flags };

	return bpf(BPF_MAP_CREATE, &a);
}

static bool map_holds(int fd)
{
	uint64_t key = 7, value = 42, got = 0;
	union bpf_attr a = { .map_fd = (uint32_t)fd,
			     .key = (uintptr_t)&key,
			     .value = (uintptr_t)&value };

	if (bpf(BPF_MAP_UPDATE_ELEM, &a) < 0)
		return false;
	a.value = (uintptr_t)&got;
	return bpf(BPF_MAP_LOOKUP_ELEM, &a) == 0 && got == value;
}

static void probe_maps(void)
{
	char name[64];

	for (size_t i = 0; i < sizeof(map_kinds) / sizeof(map_kinds[0]); i++) {
		int fd = map_new(&map_kinds[i]);

		(void)snprintf(name, sizeof(name), "BPF map: %s", map_kinds[i].name);
		tell(name, fd >= 0 && (i > 0 || map_holds(fd)));
		if (fd >= 0)
			(void)close(fd);
	}
}

/* ---- programs ---- */

/* r0 = value; exit */
static int prog_new(enum bpf_prog_type type, enum bpf_attach_type attach, int value)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = value },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr a = { .prog_type = type,
			     .expected_attach_type = attach,
			     .insn_cnt = 2,
			     .insns = (uintptr_t)code,
			     .license = (uintptr_t)"GPL",
			     .log_buf = (uintptr_t)verifier_log,
			     .log_size = sizeof(verifier_log),
			     .log_level = 1 };

	return bpf(BPF_PROG_LOAD, &a);
}

/* The kernel runs the program on a packet of ours and gives its answer. */
static bool prog_runs(int fd, uint32_t want)
{
	unsigned char packet[64] = { 0 };
	union bpf_attr a = { .test = { .prog_fd = (uint32_t)fd,
				       .data_in = (uintptr_t)packet,
				       .data_size_in = sizeof(packet),
				       .repeat = 1 } };

	return bpf(BPF_PROG_TEST_RUN, &a) == 0 && a.test.retval == want;
}

/* The program that Cilium puts before connect(): 1 lets it pass, 0 refuses. */
static bool connect_is_refused(void)
{
	union bpf_attr a = { 0 };
	struct sockaddr to = { .sa_family = AF_INET };
	int fd = prog_new(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT, 0);
	int group, status = 0;
	pid_t pid;

	if (fd < 0 || (mkdir(CGROUP, 0755) < 0 && errno != EEXIST))
		return false;
	group = open(CGROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	a.target_fd = (uint32_t)group;
	a.attach_bpf_fd = (uint32_t)fd;
	a.attach_type = BPF_CGROUP_INET4_CONNECT;
	if (group < 0 || bpf(BPF_PROG_ATTACH, &a) < 0)
		return false;
	pid = fork();
	if (pid == 0) {
		int s, procs = open(CGROUP "/cgroup.procs", O_WRONLY | O_CLOEXEC);

		if (procs < 0 || write(procs, "0", 1) != 1)
			_exit(2);
		s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); /* a socket is of its maker's group */
		if (s < 0)
			_exit(3);
		_exit(connect(s, &to, sizeof(to)) < 0 && errno == EPERM ? 0 : 1);
	}
	(void)waitpid(pid, &status, 0);
	(void)bpf(BPF_PROG_DETACH, &a);
	(void)rmdir(CGROUP);
	errno = 0;
	return pid > 0 && status == 0;
}

static bool pinned(int fd)
{
	static const char path[] = "/sys/fs/bpf/kiln-probe";
	union bpf_attr a = { .pathname = (uintptr_t)path, .bpf_fd = (uint32_t)fd };

	(void)unlink(path);
	return bpf(BPF_OBJ_PIN, &a) == 0 && unlink(path) == 0;
}

static void probe_programs(void)
{
	int fd = prog_new(BPF_PROG_TYPE_SCHED_CLS, 0, 7);

	tell("BPF program: sched_cls runs", fd >= 0 && prog_runs(fd, 7));
	tell("BPF program: pinned", fd >= 0 && pinned(fd));
	fd = prog_new(BPF_PROG_TYPE_XDP, 0, XDP_PASS);
	tell("BPF program: XDP runs", fd >= 0 && prog_runs(fd, XDP_PASS));
	fd = prog_new(BPF_PROG_TYPE_CGROUP_SKB, 0, 1);
	tell("BPF program: cgroup_skb", fd >= 0);
	tell("BPF program on a cgroup refuses connect()", connect_is_refused());
}

/* ---- nbd ---- */

/* Serves reads of one byte's pattern until the kernel hangs up. */
static void serve(int fd)
{
	struct nbd_request q;
	char block[4096];

	memset(block, PATTERN, sizeof(block));
	while (recv(fd, &q, sizeof(q), MSG_WAITALL) == (ssize_t)sizeof(q)) {
		struct nbd_reply a = { .magic = __builtin_bswap32(NBD_REPLY_MAGIC) };
		uint32_t left = __builtin_bswap32(q.len);

		memcpy(a.handle, q.handle, sizeof(a.handle));
		if ((__builtin_bswap32(q.type) & 0xffff) != NBD_CMD_READ)
			break;
		if (write(fd, &a, sizeof(a)) < 0)
			break;
		for (uint32_t n; left; left -= n) {
			n = left < sizeof(block) ? left : sizeof(block);
			if (write(fd, block, n) != (ssize_t)n)
				_exit(1);
		}
	}
	_exit(0);
}

static void probe_nbd(void)
{
	char got[8192], want[8192];
	int s[2], fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	bool good = false;
	pid_t server, device;

	if (fd < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0 ||
	    ioctl(fd, NBD_SET_BLKSIZE, 4096UL) < 0 ||
	    ioctl(fd, NBD_SET_SIZE_BLOCKS, (unsigned long)DEVICE_BYTES / 4096) < 0 ||
	    ioctl(fd, NBD_SET_SOCK, s[0]) < 0) {
		tell("nbd: read through the device", false);
		return;
	}
	server = fork();
	if (server == 0) {
		(void)close(s[0]);
		serve(s[1]);
	}
	(void)close(s[1]);
	device = fork();
	if (device == 0) {
		(void)ioctl(fd, NBD_DO_IT);
		_exit(0);
	}
	memset(want, PATTERN, sizeof(want));
	for (int i = 0; i < 100 && !good; i++) { /* until the other process is at work */
		good = pread(fd, got, sizeof(got), 65536) == (ssize_t)sizeof(got) &&
		       memcmp(got, want, sizeof(got)) == 0;
		if (!good)
			(void)usleep(100000);
	}
	tell("nbd: read through the device", good);
	(void)ioctl(fd, NBD_DISCONNECT);
	(void)ioctl(fd, NBD_CLEAR_SOCK);
	(void)waitpid(device, NULL, 0);
	(void)waitpid(server, NULL, 0);
	(void)close(fd);
}

int main(void)
{
	(void)alarm(SECONDS_MAX);
	probe_maps();
	probe_programs();
	probe_nbd();
	return 0;
}
