#include "base-arch.h"

#include <elf.h>
#include <string.h>

static const struct deb_arch archs[] = {
	{ "amd64", "x86_64-linux-gnu", "lib64/ld-linux-x86-64.so.2", "x86_64", EM_X86_64 },
	{ "arm64", "aarch64-linux-gnu", "lib/ld-linux-aarch64.so.1", "aarch64", EM_AARCH64 },
};

const struct deb_arch *deb_arch_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(archs); i++)
		if (strcmp(archs[i].name, name) == 0)
			return &archs[i];
	return NULL;
}

const struct deb_arch *deb_arch_desk(void)
{
#if defined(__x86_64__)
	return deb_arch_find("amd64");
#elif defined(__aarch64__)
	return deb_arch_find("arm64");
#else
#error "add a row for this architecture"
#endif
}

static bool starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

int arch_translate(struct buf *out, const char *text, const struct deb_arch *from,
		   const struct deb_arch *to)
{
	while (*text) {
		if (starts(text, from->loader)) {
			(void)buf_adds(out, to->loader);
			text += strlen(from->loader);
		} else if (starts(text, from->triplet)) {
			(void)buf_adds(out, to->triplet);
			text += strlen(from->triplet);
		} else if (*text == ':' && starts(text + 1, from->name)) {
			(void)buf_addf(out, ":%s", to->name);
			text += 1 + strlen(from->name);
		} else {
			(void)buf_addc(out, *text++);
		}
	}
	return buf_error(out);
}

bool arch_named_in(const char *text, const struct deb_arch *a)
{
	return strstr(text, a->triplet) || strstr(text, a->name);
}
