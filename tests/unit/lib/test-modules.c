/* The corner cases of the order; real kernels are resolved in the suite `init`. */
#include "modules.h"
#include "file.h"
#include "fault.h"
#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>

static struct err err;

static void put(const char *name, const char *text, size_t len)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "root/lib/modules/1.0/%s", name);
	ASSERT_OK(file_replace_at(AT_FDCWD, path, text, len, 0644, &err), &err);
}

static int tree(const char *dep, const char *softdep, const char *alias, const char *builtin)
{
	static const char modinfo[] = "crc32c_generic.license=GPL\0crc32c_generic.alias=crc32c\0";
	int fd;

	ASSERT_EQ(mkdir("root", 0755), 0);
	ASSERT_EQ(mkdir("root/usr", 0755), 0);
	ASSERT_EQ(symlink("/usr", "root/lib"), 0); /* absolute: must stay inside of the root */
	ASSERT_EQ(mkdir("root/usr/modules", 0755), 0);
	ASSERT_EQ(mkdir("root/usr/modules/1.0", 0755), 0);
	/* written through the real place: here "root/lib" leads out of the root */
	ASSERT_EQ(unlink("root/lib"), 0);
	ASSERT_EQ(symlink("usr", "root/lib"), 0);
	put("modules.dep", dep, strlen(dep));
	put("modules.softdep", softdep, strlen(softdep));
	put("modules.alias", alias, strlen(alias));
	put("modules.builtin", builtin, strlen(builtin));
	put("modules.builtin.modinfo", modinfo, sizeof(modinfo) - 1);
	ASSERT_EQ(unlink("root/lib"), 0);
	ASSERT_EQ(symlink("/usr", "root/lib"), 0);
	fd = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ASSERT(fd >= 0);
	return fd;
}

static char *joined(const struct modules_list *l)
{
	static char text[4096];

	text[0] = '\0';
	for (size_t i = 0; i < l->len; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
			       i ? " " : "", l->items[i]);
	return text;
}

static const struct {
	const char *dep, *softdep, *alias, *names, *order, *missing, *error;
} cases[] = {
	{ "k/a.ko: k/b.ko k/c.ko\nk/b.ko: k/c.ko\nk/c.ko:\n", "", "", "a", "k/c.ko k/b.ko k/a.ko",
	  "", NULL },
	{ "k/a.ko:\nk/b.ko:\n", "", "", "b a b", "k/b.ko k/a.ko", "", NULL },
	{ "k/x-y.ko.xz:\n", "", "", "x_y", "k/x-y.ko.xz", "", NULL },
	{ "k/x_y.ko.zst:\n", "", "", "x-y", "k/x_y.ko.zst", "", NULL },
	{ "k/a.ko:\nk/s.ko:\nk/p.ko:\n", "softdep a pre: s post: p\n", "", "a",
	  "k/s.ko k/a.ko k/p.ko", "", NULL },
	{ "k/a.ko:\n", "softdep a pre: gone\n", "", "a", "k/a.ko", "gone", NULL },
	{ "k/a.ko:\n", "softdep a nokind\n", "", "a", "k/a.ko", "", NULL },
	{ "k/a.ko:\nk/h_x86.ko:\nk/h_gen.ko:\n", "softdep a pre: crypto-h\n",
	  "alias crypto-h h_x86\nalias crypto-h h_gen\n", "a", "k/h_x86.ko k/h_gen.ko k/a.ko", "",
	  NULL },
	{ "k/a.ko:\n", "softdep a pre: crc32c\n", "", "a", "k/a.ko", "",
	  NULL }, /* built in by alias */
	{ "k/nic.ko:\n", "", "alias pci:v00008086d* nic\n", "pci:v00008086d000015B8", "k/nic.ko",
	  "", NULL },
	/* a soft dependency that needs the module itself comes after it; two softdeps in a ring end
	 */
	{ "k/a.ko:\nk/s.ko: k/a.ko\n", "softdep a pre: s\n", "", "a", "k/a.ko k/s.ko", "", NULL },
	{ "k/a.ko:\nk/b.ko:\n", "softdep a pre: b\nsoftdep b pre: a\n", "", "a", "k/b.ko k/a.ko",
	  "", NULL },
	{ "k/a.ko: k/a.ko\n", "", "", "a", "k/a.ko", "", NULL },
	{ "k/a.ko:\n", "", "", "ext4", "", "", NULL },
	{ "k/a.ko:\n", "", "", "a nope", NULL, NULL,
	  "kernel 1.0 has no module 'nope': not as a file, not built in, no alias" },
	{ "k/a.ko: k/gone.ko\n", "", "", "a", NULL, NULL,
	  "kernel 1.0: module 'a' needs 'k/gone.ko', which is not there" },
};

TEST(order)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_modules struct modules *m = NULL;
		cleanup_modules_list struct modules_list got = { 0 }, missing = { 0 };
		cleanup_close int fd = -EBADF;
		char names[128], *list[8], *save, dir[32];
		size_t n = 0;

		(void)snprintf(dir, sizeof(dir), "%zu", i);
		ASSERT_EQ(mkdir(dir, 0755), 0);
		ASSERT_EQ(chdir(dir), 0);
		fd = tree(cases[i].dep, cases[i].softdep, cases[i].alias,
			  "kernel/fs/ext4/ext4.ko\n");
		ASSERT_OK(modules_open(fd, "1.0", &m, &err), &err);
		(void)snprintf(names, sizeof(names), "%s", cases[i].names);
		for (char *p = strtok_r(names, " ", &save); p; p = strtok_r(NULL, " ", &save))
			list[n++] = p;
		int r = modules_resolve(m, list, n, &got, &missing, &err);

		if (cases[i].error) {
			ASSERT_EQ(r, -ENOENT);
			ASSERT_STR(err.msg, cases[i].error);
		} else {
			ASSERT_OK(r, &err);
			ASSERT_STR(joined(&got), cases[i].order);
			ASSERT_STR(joined(&missing), cases[i].missing);
		}
		ASSERT_EQ(chdir(".."), 0);
	}
}

TEST(open_refuses)
{
	struct modules *m = NULL;
	cleanup_close int fd = tree("k/a.ko\n", "", "", "");

	ASSERT_EQ(modules_open(fd, "1.0", &m, &err), -EBADMSG);
	ASSERT_STR(err.msg, "kernel 1.0: 'modules.dep' is damaged: a line without ':'");
	ASSERT_EQ(modules_open(fd, "../1.0", &m, &err), -EINVAL);
	ASSERT_STR(err.msg, "'../1.0' is no kernel release");
	ASSERT_EQ(modules_open(fd, "2.0", &m, &err), -ENOENT);
	ASSERT_STR(err.msg,
		   "kernel 2.0: no 'modules.dep': depmod has not run, or the kernel is not there");
	ASSERT(m == NULL);
}

TEST(names)
{
	cleanup_modules struct modules *m = NULL;
	cleanup_close int fd = tree("kernel/a-b.ko.xz:\n", "", "", "kernel/fs/ext4/ext4.ko\n");

	ASSERT_OK(modules_open(fd, "1.0", &m, &err), &err);
	ASSERT_STR(modules_path(m, "a_b"), "kernel/a-b.ko.xz");
	ASSERT(modules_path(m, "ext4") == NULL);
	ASSERT(modules_is_builtin(m, "ext4"));
	ASSERT(modules_is_builtin(m, "crc32c"));
	ASSERT(!modules_is_builtin(m, "a-b"));
}

TEST(read_refuses_what_is_no_module)
{
	cleanup_modules struct modules *m = NULL;
	cleanup_close int fd = tree("kernel/a.ko:\n", "", "", "");
	char *data = NULL;
	size_t len;

	ASSERT_OK(modules_open(fd, "1.0", &m, &err), &err);
	ASSERT_EQ(modules_read(m, "kernel/a.ko", &data, &len, &err), -ENOENT);
	ASSERT_STR(err.msg,
		   "cannot open '/lib/modules/1.0/kernel/a.ko': No such file or directory");
	ASSERT_EQ(mkdir("root/usr/modules/1.0/kernel", 0755), 0);
	ASSERT_OK(file_replace_at(AT_FDCWD, "root/usr/modules/1.0/kernel/a.ko", "text", 4, 0644,
				  &err),
		  &err);
	ASSERT_EQ(modules_read(m, "kernel/a.ko", &data, &len, &err), -ENOEXEC);
	ASSERT_STR(err.msg, "module 'kernel/a.ko' is damaged: no ELF file inside");
	ASSERT(data == NULL);
}

static int resolve_and_read(void *arg, struct err *e)
{
	cleanup_modules struct modules *m = NULL;
	cleanup_modules_list struct modules_list order = { 0 }, missing = { 0 };
	cleanup_free char *text = NULL;
	char *names[] = { (char *)"a", (char *)"pci:v00008086d000015B8" };
	size_t len;
	int r = modules_open(*(int *)arg, "1.0", &m, e);

	if (r >= 0)
		r = modules_resolve(m, names, ARRAY_SIZE(names), &order, &missing, e);
	if (r >= 0)
		r = modules_read(m, "k/b.ko", &text, &len, e);
	if (r < 0)
		return r;
	ASSERT_STR(joined(&order), "k/c.ko k/b.ko k/a.ko k/nic.ko");
	ASSERT_STR(joined(&missing), "gone");
	ASSERT_EQ(len, 7);
	ASSERT(memcmp(text, "\177ELFb.o", 7) == 0);
	return 0;
}

TEST(order_under_every_fault)
{
	int fd =
		tree("k/a.ko: k/b.ko k/c.ko\nk/b.ko: k/c.ko\nk/c.ko:\nk/nic.ko:\n",
		     "softdep a pre: gone\n", "alias pci:v00008086d* nic\n", "kernel/fs/ext4.ko\n");

	ASSERT_EQ(mkdir("root/usr/modules/1.0/k", 0755), 0);
	ASSERT_OK(file_replace_at(AT_FDCWD, "root/usr/modules/1.0/k/b.ko", "\177ELFb.o", 7, 0644,
				  &err),
		  &err);
	ASSERT(fault_loop(resolve_and_read, fault_must_fail, &fd) > 30);
	(void)close(fd);
}
