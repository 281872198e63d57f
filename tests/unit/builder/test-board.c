#include "board.h"
#include "test.h"

#include <sys/stat.h>

static const char good[] = "kiln: 1\ndescription: A board\narch: arm64\nboot: rpi\n"
			   "kernel: {package: linux-image-arm64, cmdline: [quiet]}\n"
			   "initrd_modules: [btrfs]\n"
			   "boot_partition: {type: ebd0a0a2-b9e5-4433-87c0-68b6b72699c7}\n"
			   "interface: end0\n"
			   "qemu: {machine: virt, cpu: max, console: ttyAMA0}\n";

/* boards/toy of a data folder of the test's own, with one text replaced. */
static void write_board(const char *from, const char *to)
{
	const char *at = strstr(good, from);
	FILE *f;

	ASSERT(at != NULL);
	(void)mkdir("boards", 0755);
	(void)mkdir("boards/toy", 0755);
	f = fopen("boards/toy/board.yaml", "w");
	ASSERT(f != NULL);
	fprintf(f, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
	ASSERT_EQ(fclose(f), 0);
	ASSERT_EQ(setenv("KILN_DATADIR", ".", 1), 0);
}

TEST(board_defaults)
{
	cleanup_board struct board *b = NULL;
	cleanup_free char *names = NULL;
	struct err err = { 0 };

	write_board("", "");
	ASSERT_OK(board_load("toy", &b, &err), &err);
	ASSERT_STR(b->name, "toy");
	ASSERT_STR(b->dir, "./boards/toy");
	ASSERT_STR(b->kernel.suite, "trixie");
	ASSERT(b->kernel.min_version == NULL);
	ASSERT_EQ(b->boot_partition_bytes, UINT64_C(1) << 30);
	ASSERT_EQ(b->qemu.memory_bytes, UINT64_C(1) << 30);
	ASSERT(b->qemu.firmware == NULL);
	ASSERT_EQ(b->microcode.len, 0);
	names = board_names();
	ASSERT_STR(names, "toy");
}

TEST(board_mistakes)
{
	static const struct {
		const char *from, *to, *msg;
	} cases[] = {
		{ "arch: arm64", "arch: riscv64",
		  "board 'toy': ./boards/toy/board.yaml:3:7: 'riscv64' is not an architecture: "
		  "amd64 or "
		  "arm64" },
		{ "interface", "interfaces",
		  "board 'toy': ./boards/toy/board.yaml:8:1: unknown key 'interfaces'; did you "
		  "mean 'interface'?" },
		{ "boot: rpi", "boot: bios",
		  "board 'toy': ./boards/toy/board.yaml:4:7: expected rpi or uefi, found 'bios'" },
		{ "[btrfs]", "btrfs",
		  "board 'toy': ./boards/toy/board.yaml:6:17: expected a list, found text" },
		{ "[btrfs]", "[btrfs, btrfs]",
		  "board 'toy': ./boards/toy/board.yaml:6:25: 'btrfs' stands twice in the list" },
		{ "[btrfs]", "[btrfs",
		  "board 'toy': ./boards/toy/board.yaml:7:15: not valid YAML: did not find "
		  "expected ',' "
		  "or ']' (while parsing a flow sequence, begun in line 6)" },
		{ "ebd0a0a2", "ebd0a0",
		  "board 'toy': ./boards/toy/board.yaml:7:24: 'ebd0a0-b9e5-4433-87c0-68b6b72699c7' "
		  "is "
		  "not a UUID such as 0f2d6a1e-3b54-4c1e-9d0a-6a5f6c2b7e11" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct board *b = NULL;
		struct err err = { 0 };

		write_board(cases[i].from, cases[i].to);
		ASSERT_EQ(board_load("toy", &b, &err), -EINVAL);
		ASSERT(b == NULL);
		ASSERT_STR(err.msg, cases[i].msg);
	}
}

TEST(board_names_stay_inside_the_folder)
{
	struct board *b = NULL;
	struct err err = { 0 };

	write_board("", "");
	ASSERT_EQ(board_load("../boards/toy", &b, &err), -ENOENT);
	ASSERT_STR(err.msg, "no board '../boards/toy'; there are toy");
	ASSERT(!board_exists("none"));
	ASSERT(board_exists("toy"));
}
