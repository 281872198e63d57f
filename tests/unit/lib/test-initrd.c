/* The initrd's writer under faults; real kernels' initrds are judged in the suite `init`. */
#include "digest.h"
#include "fault.h"
#include "file.h"
#include "initrd.h"
#include "test.h"
#include "tree.h"

#include <fcntl.h>

#define MODULES "root/usr/lib/modules/1.0"

static void put(const char *name, const void *data, size_t len)
{
	struct err err = { 0 };

	ASSERT_OK(file_replace_at(AT_FDCWD, name, data, len, 0644, &err), &err);
}
#define PUT(name, text) put(name, text, sizeof(text) - 1)

/* One update of CPU model 06-5e whose words add up to 0 (Intel SDM 3, 10.11.1). */
static void put_microcode(void)
{
	uint32_t words[512] = { 1, 0xf0, 0x20240101, 0x506e3, 0, 1, 2 }, sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		sum += words[i];
	words[4] = 0U - sum;
	put("root/usr/lib/firmware/intel-ucode/06-5e-03", words, sizeof(words));
}

static int make_root(void)
{
	cleanup_free char *init = NULL; /* any program of this machine will do */
	struct err err = { 0 };
	size_t len;
	int fd;

	ASSERT_OK(tree_mkdirs_at(AT_FDCWD, MODULES "/kernel", 0755, &err), &err);
	ASSERT_OK(tree_mkdirs_at(AT_FDCWD, "root/usr/lib/firmware/intel-ucode", 0755, &err), &err);
	ASSERT_EQ(symlink("usr/lib", "root/lib"), 0);
	PUT(MODULES "/modules.dep", "kernel/a.ko: kernel/b.ko\nkernel/b.ko:\n");
	PUT(MODULES "/modules.softdep", "");
	PUT(MODULES "/modules.alias", "");
	PUT(MODULES "/modules.builtin", "");
	PUT(MODULES "/modules.builtin.modinfo", "");
	ASSERT_OK(file_read_at(AT_FDCWD, "/proc/self/exe", 1 << 26, &init, &len, &err), &err);
	put("kiln-init", init, len);
	put(MODULES "/kernel/a.ko", init, 4096);
	put(MODULES "/kernel/b.ko", init, 2048);
	put_microcode();
	fd = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ASSERT(fd >= 0);
	return fd;
}

struct job {
	int root_fd, out_fd;
};

static int build(void *arg, struct err *err)
{
	const struct job *job = arg;
	cleanup_initrd_info struct initrd_info info = { 0 };
	char *modules[] = { (char *)"a" }, *models[] = { (char *)"06-5e" };
	struct initrd_spec spec = { .root_fd = job->root_fd,
				    .release = "1.0",
				    .init_path = "kiln-init",
				    .modules = modules,
				    .modules_len = 1,
				    .microcode = models,
				    .microcode_len = 1,
				    .mtime_s = 1700000000,
				    .level = 1 };
	int r;

	ASSERT_EQ(truncate("initrd", 0), 0); /* the file is opened to append */
	r = initrd_build(&spec, job->out_fd, &info, err);
	if (r < 0)
		ASSERT(info.modules == NULL); /* results only on success */
	else
		ASSERT_EQ(info.modules_len, 2);
	return r;
}

TEST(initrd_is_the_same_after_every_fault)
{
	struct job job = { .root_fd = make_root(),
			   .out_fd = open("initrd", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
					  0600) };
	char before[SHA256_HEX_MAX], after[SHA256_HEX_MAX];
	struct err err = { 0 };

	ASSERT_OK(build(&job, &err), &err);
	ASSERT_OK(sha256_file_at(AT_FDCWD, "initrd", before, &err), &err);
	ASSERT(fault_loop(build, fault_must_fail, &job) > 50);
	ASSERT_OK(sha256_file_at(AT_FDCWD, "initrd", after, &err), &err);
	ASSERT_STR(after, before);
	(void)close(job.root_fd);
	(void)close(job.out_fd);
}
