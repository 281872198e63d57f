/* Work as uid 0 beside us, and folders in memory that only it sees. As root or with subuids. */
#include "test.h"

#include "btrfs.h"
#include "scratch.h"
#include "spawn.h"
#include "userns.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define TMPFS_MAGIC 0x01021994

static int answer(void *arg, struct err *err)
{
	int *want = arg;

	if (geteuid() != 0)
		return err_setf(err, -EPERM, "not uid 0");
	return *want < 0 ? err_setf(err, *want, "as asked: %d", *want) : *want;
}

/* Namespaces may be forbidden here: then there is nothing to test. */
static void need_uid0(void)
{
	struct err err = { 0 };
	int want = 0;

	if (userns_run(answer, &want, &err) < 0)
		TEST_SKIP("%s", err.msg);
}

TEST(userns_brings_result_and_text)
{
	struct userns_job a = { 0 }, b = { 0 };
	struct err err = { 0 };
	int three = 3, bad = -EILSEQ;

	need_uid0();
	ASSERT_OK(userns_start(answer, &three, &a, &err), &err);
	ASSERT_OK(userns_start(answer, &bad, &b, &err), &err);
	ASSERT_EQ(userns_wait(&b, &err), -EILSEQ);
	ASSERT_STR(err.msg, "as asked: -84");
	ASSERT_EQ(userns_wait(&a, &err), 3);
	ASSERT_EQ(a.pid, 0);
	userns_job_done(&a);
	userns_job_done(&(struct userns_job){ 0 });
}

static int make_folder(void *path, struct err *err)
{
	return mkdir(path, 0777) < 0 ? err_errnof(err, -errno, "cannot make it") : 0;
}

TEST(userns_has_an_umask_of_its_own)
{
	struct err err = { 0 };
	struct stat st;
	mode_t was;

	need_uid0();
	was = umask(077);
	ASSERT_OK(userns_run(make_folder, "folder", &err), &err);
	ASSERT_EQ(umask(was), 077);
	ASSERT_EQ(stat("folder", &st), 0);
	ASSERT_EQ(st.st_mode & 07777, 0755);
}

/* Each waits for what the other writes: one after the other they would never end. */
struct meeting {
	int hear_fd, tell_fd;
};
static int meet(void *arg, struct err *err)
{
	struct meeting *m = arg;
	char c;

	if (write(m->tell_fd, "x", 1) != 1 || read(m->hear_fd, &c, 1) != 1)
		return err_setf(err, -EIO, "nobody there");
	return 0;
}

TEST(userns_jobs_run_side_by_side)
{
	struct userns_job a = { 0 }, b = { 0 };
	struct err err = { 0 };
	int x[2], y[2];

	need_uid0();
	ASSERT_EQ(pipe2(x, O_CLOEXEC), 0);
	ASSERT_EQ(pipe2(y, O_CLOEXEC), 0);
	ASSERT_OK(userns_start(meet, &(struct meeting){ x[0], y[1] }, &a, &err), &err);
	ASSERT_OK(userns_start(meet, &(struct meeting){ y[0], x[1] }, &b, &err), &err);
	ASSERT_OK(userns_wait(&a, &err), &err);
	ASSERT_OK(userns_wait(&b, &err), &err);
}

static int sleep_long(void *arg, struct err *err)
{
	cleanup_spawn struct spawn s = {
		.argv = (const char *const[]){ "sh", "-c", "printf x >&\"$0\" && exec sleep 600",
					       arg, NULL },
	};

	return spawn_run(&s, err);
}

TEST(userns_job_done_ends_what_was_started)
{
	struct userns_job job = { 0 };
	struct err err = { 0 };
	struct pollfd ready;
	char c, number[16];
	int p[2];

	need_uid0();
	ASSERT_EQ(pipe(p), 0); /* the shell and sleep inherit its end */
	(void)snprintf(number, sizeof(number), "%d", p[1]);
	ASSERT_OK(userns_start(sleep_long, number, &job, &err), &err);
	ASSERT_EQ(close(p[1]), 0);
	ready = (struct pollfd){ .fd = p[0], .events = POLLIN };
	ASSERT_EQ(poll(&ready, 1, 60000), 1);
	ASSERT_EQ(read(p[0], &c, 1), 1);
	userns_job_done(&job);
	ASSERT_EQ(job.pid, 0);
	ASSERT_EQ(poll(&ready, 1, 60000), 1);
	ASSERT_EQ(read(p[0], &c, 1), 0); /* nobody holds the other end */
}

struct look {
	const char *dir;
	uint64_t bytes;
	bool mounted;
};
static int look(void *arg, struct err *err)
{
	const struct look *l = arg;
	bool mounted = scratch_mount(l->dir, l->bytes);
	struct statfs fs;
	FILE *f;

	if (statfs(l->dir, &fs) < 0 || (mounted && fs.f_type != TMPFS_MAGIC))
		return err_setf(err, -EBADMSG, "'%s' is no tmpfs", l->dir);
	f = fopen("dir/file", "we");
	if (!f || fclose(f) != 0)
		return err_errnof(err, -errno, "cannot write");
	return mounted;
}

TEST(scratch_is_seen_by_its_process_alone)
{
	struct look l = { .dir = "dir", .bytes = 1 << 20 };
	struct err err = { 0 };
	int r;

	need_uid0();
	ASSERT_EQ(mkdir("dir", 0755), 0);
	ASSERT(scratch_room() > l.bytes);
	ASSERT_EQ(setenv("KILN_SCRATCH", "", 1), 0);
	r = userns_run(look, &l, &err);
	ASSERT_OK(r < 0 ? r : 0, &err);
	if (r == 0)
		TEST_SKIP("no mounts here");
	ASSERT_EQ(access("dir/file", F_OK), -1);
	/* what there is no room for, and what was not wanted, stays on disk */
	l.bytes = UINT64_MAX;
	ASSERT_EQ(userns_run(look, &l, &err), 0);
	ASSERT_EQ(access("dir/file", F_OK), 0);
	l.bytes = 1 << 20;
	ASSERT_EQ(unlink("dir/file"), 0);
	ASSERT_EQ(setenv("KILN_SCRATCH", "disk", 1), 0);
	ASSERT_EQ(userns_run(look, &l, &err), 0);
	ASSERT_EQ(access("dir/file", F_OK), 0);
}

static int fill_small_disk(void *arg, struct err *err)
{
	struct btrfs_make m = {
		.tree = "tree",
		.subvolumes = (const char *const[]){ "@", NULL },
		.image = "dir/image",
		.size_bytes = UINT64_C(256) << 20,
		.uuid = "0b0c0d0e-1111-4222-8333-444455556666",
		.device_uuid = "0b0c0d0e-1111-4222-8333-444455557777",
		.label = "kiln",
	};

	(void)arg;
	return scratch_mount("dir", 4 << 20) ? btrfs_make(&m, err) : 1;
}

TEST(a_full_disk_is_named_when_the_file_system_is_made)
{
	struct err err = { 0 };
	char block[4096];
	FILE *f;
	int r;

	need_uid0();
	memset(block, 0x5a, sizeof(block));
	ASSERT_EQ(mkdir("dir", 0755), 0);
	ASSERT_EQ(mkdir("tree", 0755), 0);
	ASSERT_EQ(mkdir("tree/@", 0755), 0);
	f = fopen("tree/@/big", "we");
	ASSERT(f);
	for (size_t i = 0; i < 4096; i++) /* 16 MiB */
		ASSERT_EQ(fwrite(block, sizeof(block), 1, f), 1);
	ASSERT_EQ(fclose(f), 0);
	r = userns_run(fill_small_disk, NULL, &err);
	if (r == 1)
		TEST_SKIP("no mounts here");
	ASSERT_EQ(r, -ENOSPC);
	ASSERT_STR(
		err.msg,
		"root file system: mkfs.btrfs cannot write 'dir/image': No space left on device");
}
