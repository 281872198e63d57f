#include "root-grow.h"

#include "disk-image.h"
#include "file.h"

#include <stdlib.h>
#include <sys/stat.h>

/*
 * The real systemd-repart is in tests/disks; here one that misbehaves is played, to see that
 * nothing but root's growth is let through.
 */
static void played_repart(const char *plan, const char *act)
{
	static const char definition[] = "[Partition]\nType=root\nSizeMaxBytes=1G\n";
	char text[2048], path[512];
	cleanup_free char *bin = NULL;
	struct err err = { 0 };

	(void)mkdir("bin", 0755);
	(void)mkdir("defs", 0755);
	(void)mkdir("scratch", 0755);
	ASSERT_OK(file_replace_at(AT_FDCWD, "defs/50-root.conf", definition, strlen(definition),
				  0644, &err),
		  &err);
	(void)snprintf(text, sizeof(text),
		       "#!/bin/sh\necho \"$*\" >>calls\ncase $1 in\n--dry-run=yes) echo '%s' ;;\n"
		       "*) %s ;;\nesac\n",
		       plan, act);
	ASSERT_OK(file_replace_at(AT_FDCWD, "bin/systemd-repart", text, strlen(text), 0755, &err),
		  &err);
	bin = realpath("bin", NULL);
	ASSERT(bin != NULL);
	(void)snprintf(path, sizeof(path), "%s:/usr/sbin:/usr/bin:/sbin:/bin", bin);
	ASSERT_EQ(setenv("PATH", path, 1), 0);
	make_disk("disk", 20 * GIB, BOOT_AND_ROOT);
}

static int grow(uint64_t max, struct err *err)
{
	bool grew = false;
	int r = root_grow("disk", 2, "defs", "scratch", max, &grew, err);

	return r < 0 ? r : grew;
}

static bool was_acted(void)
{
	struct err err = { 0 };
	char *text = NULL;
	bool acted;

	if (file_read_at(AT_FDCWD, "calls", 65536, &text, NULL, &err) < 0)
		return false;
	acted = strstr(text, "--dry-run=no") != NULL;
	ASSERT(strstr(text, "--discard=no") && strstr(text, "--empty=refuse"));
	free(text);
	return acted;
}

#define ROOT_ROW(activity, offset, old, size)                                                      \
	"{\"activity\":\"" activity "\",\"offset\":" offset ",\"old_size\":" old                   \
	",\"raw_size\":" size "}"
#define GROWS ROOT_ROW("resize", "105906176", "524288000", "8589934592")

TEST(root_grow_lets_nothing_but_growth_through)
{
	static const char *const plans[] = {
		"",
		"no json",
		"{}",
		"7",
		"[" ROOT_ROW("create", "105906176", "524288000", "8589934592") "]",
		"[" ROOT_ROW("resize", "1048576", "524288000", "8589934592") "]",
		"[" ROOT_ROW("resize", "105906176", "104857600", "8589934592") "]",
		"[" ROOT_ROW("resize", "105906176", "524288000", "524287999") "]",
		"[" ROOT_ROW("resize", "105906176", "524288000", "8589934593") "]",
		"[" GROWS "," ROOT_ROW("create", "8700000000", "0", "1073741824") "]",
		"[{\"offset\":1}]",
		"[7]",
	};

	for (size_t i = 0; i < ARRAY_SIZE(plans); i++) {
		struct err err = { 0 };

		played_repart(plans[i], "touch acted");
		ASSERT(grow(8 * GIB, &err) < 0);
		ASSERT(err.msg[0]);
		ASSERT(access("acted", F_OK) < 0);
	}
	ASSERT(!was_acted());
}

TEST(root_grow_asks_first_and_then_grows)
{
	struct err err = { 0 };
	char *text = NULL;

	played_repart("[" GROWS "]", "echo ', 8G' | sfdisk -q --no-reread -N 2 disk");
	ASSERT_EQ(grow(8 * GIB, &err), 1);
	ASSERT(was_acted());
	ASSERT_OK(file_read_at(AT_FDCWD, "scratch/50-root.conf", 65536, &text, NULL, &err), &err);
	ASSERT_STR(text, "[Partition]\nType=root\nSizeMaxBytes=8589934592\n");
	free(text);
	ASSERT_EQ(grow(8 * GIB, &err), 0); /* it has its size */
}

TEST(root_grow_does_not_ask_when_there_is_no_room_or_no_wish)
{
	struct err err = { 0 };

	played_repart("[" GROWS "]", "touch acted");
	ASSERT_EQ(grow(500 * MIB, &err), 0);
	make_disk("disk", 20 * GIB, BOOT_AND_ROOT "start=1230848,size=2048\n");
	ASSERT_EQ(grow(8 * GIB, &err), 0);
	ASSERT(access("calls", F_OK) < 0);
}

TEST(root_grow_tells_when_another_table_came_of_it)
{
	struct err err = { 0 };

	played_repart("[" GROWS "]", "echo ', 9G' | sfdisk -q --no-reread -N 2 disk");
	ASSERT_EQ(grow(8 * GIB, &err), -EIO);
	ASSERT(strstr(err.msg, "left another table on 'disk' than it said"));
	played_repart("[" GROWS "]",
		      "echo 'start=20971520,size=2048' | sfdisk -q --no-reread -a disk");
	ASSERT_EQ(grow(8 * GIB, &err), -EIO);
}

TEST(root_grow_tells_when_repart_fails)
{
	struct err err = { 0 };

	played_repart("[]", "true");
	ASSERT_EQ(setenv("PATH", "/nowhere", 1), 0);
	ASSERT(grow(8 * GIB, &err) < 0);
	ASSERT(strstr(err.msg, "systemd-repart"));
}
