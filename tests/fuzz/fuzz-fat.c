/*
 * fuzz-fat - the FAT reader, the boot files it finds and the block map, from any bytes
 *
 * The bytes are an image whose FAT starts at 0: no crash, no endless loop, no read beyond
 * the sizes that the file system itself states.
 */
#include "boot-read.h"
#include "fat.h"
#include "file.h"

#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define READ_MAX ((size_t)1 << 20)

static void read_all(const struct fat *f)
{
	for (size_t i = 0; i < f->len; i++) {
		cleanup_free struct fat_range *ranges = NULL;
		cleanup_free char *text = NULL;
		struct err err = { 0 };
		size_t n = 0;

		if (f->entries[i].is_dir)
			continue;
		if (fat_read(f, f->entries[i].path, READ_MAX, &text, &n, &err) == 0 && n > READ_MAX)
			abort();
		if (fat_file_ranges(f, &f->entries[i], &ranges, &n, &err) < 0)
			continue;
		for (size_t k = 0; k < n; k++)
			if (ranges[k].offset_bytes + ranges[k].length_bytes >
			    f->start_bytes + f->size_bytes)
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	cleanup_close int fd = memfd_create("fat", MFD_CLOEXEC);
	cleanup_free struct fat_range *used = NULL;
	cleanup_fat struct fat f = { 0 };
	struct err err = { 0 };
	size_t n = 0;

	if (fd < 0 || pwrite_all(fd, data, len, 0) < 0 || fat_open(fd, 0, &f, &err) < 0)
		return 0;
	read_all(&f);
	if (fat_used_ranges(&f, &used, &n, &err) == 0)
		for (size_t k = 1; k < n; k++)
			if (used[k].offset_bytes <
			    used[k - 1].offset_bytes + used[k - 1].length_bytes)
				abort();
	for (int kind = BOOT_RPI; kind <= BOOT_UEFI; kind++) {
		cleanup_boot_read struct boot_read b = { 0 };

		(void)!boot_read_fat(&f, (enum boot_kind)kind, &b, &err);
	}
	return 0;
}
