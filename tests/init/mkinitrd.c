/*
 * mkinitrd - write an initrd through lib/initrd, for the tests
 *
 * usage: mkinitrd ROOT RELEASE KILN-INIT OUT LEVEL MAX-BYTES MODULES MICROCODE   (words with blanks)
 * Prints size, early size, unpacked size and the modules in load order.
 */
#include "initrd.h"
#include "parse.h"

#include <fcntl.h>
#include <string.h>

static size_t split(char *words, char **items, size_t max)
{
	size_t n = 0;
	char *save;

	for (char *p = strtok_r(words, " \n", &save); p && n < max; p = strtok_r(NULL, " \n", &save))
		items[n++] = p;
	return n;
}

int main(int argc, char **argv)
{
	cleanup_initrd_info struct initrd_info info = { 0 };
	char *modules[256], *microcode[16];
	struct initrd_spec spec = { .modules = modules, .microcode = microcode, .mtime_s = 1700000000 };
	struct err err = { 0 };
	uint32_t level;
	int out, r;

	if (argc != 9 || u32_parse(argv[5], &level) < 0 || u64_parse(argv[6], &spec.max_bytes) < 0) {
		fputs("usage: mkinitrd ROOT RELEASE KILN-INIT OUT LEVEL MAX MODULES MICROCODE\n", stderr);
		return 2;
	}
	spec.level = level;
	spec.root_fd = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
	spec.release = argv[2];
	spec.init_path = argv[3];
	spec.modules_len = split(argv[7], modules, ARRAY_SIZE(modules));
	spec.microcode_len = split(argv[8], microcode, ARRAY_SIZE(microcode));
	out = open(argv[4], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (spec.root_fd < 0 || out < 0) {
		perror("mkinitrd");
		return 1;
	}
	r = initrd_build(&spec, out, &info, &err);
	if (r < 0) {
		fprintf(stderr, "mkinitrd: %s\n", err.msg);
		return 1;
	}
	printf("size %ju early %ju unpacked %ju\n", (uintmax_t)info.size_bytes, (uintmax_t)info.early_bytes,
	       (uintmax_t)info.unpacked_bytes);
	for (size_t i = 0; i < info.modules_len; i++)
		puts(info.modules[i]);
	for (size_t i = 0; i < info.missing_soft_len; i++)
		printf("no %s\n", info.missing_soft[i]);
	return 0;
}
