/*
 * disk-image - a sparse file with a GPT by sfdisk, for the tests of what reads and changes it
 */
#pragma once

#include "spawn.h"
#include "test.h"

#include <fcntl.h>

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)
#define GUID "ad69180a-8a06-87b7-ae0a-edf9a32f7324"

/* @table: what sfdisk reads. Partition 2 is root in all of them. */
static inline void make_disk(const char *path, uint64_t size, const char *table)
{
	cleanup_spawn struct spawn s = {
		.argv = (const char *const[]){ "sfdisk", "-q", path, NULL },
		.input = table,
		.input_len = strlen(table),
		.timeout_ms = 60000,
	};
	struct err err = { 0 };
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ASSERT(fd >= 0);
	ASSERT_EQ(ftruncate(fd, (off_t)size), 0);
	ASSERT_EQ(close(fd), 0);
	ASSERT_OK(spawn_run(&s, &err), &err);
}

#define BOOT_AND_ROOT                                                                              \
	"label: gpt\nstart=2048,size=204800,name=boot\nstart=206848,size=1024000,name=root\n"
#define ROOT_START (UINT64_C(206848) * 512)
#define ROOT_END (ROOT_START + UINT64_C(1024000) * 512)
