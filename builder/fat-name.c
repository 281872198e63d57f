#include "fat-name.h"

#include <endian.h>
#include <string.h>

static void put_utf8(char *dst, size_t *at, uint32_t u)
{
	if (u < 0x80) {
		dst[(*at)++] = u < 0x20 || u == '/' ? '?' : (char)u;
	} else if (u < 0x800) {
		dst[(*at)++] = (char)(0xc0 | u >> 6);
		dst[(*at)++] = (char)(0x80 | (u & 0x3f));
	} else {
		dst[(*at)++] = (char)(0xe0 | u >> 12);
		dst[(*at)++] = (char)(0x80 | (u >> 6 & 0x3f));
		dst[(*at)++] = (char)(0x80 | (u & 0x3f));
	}
}

void fat_take_long(struct fat_long_name *l, const struct fat_long_entry *e)
{
	unsigned int seq = e->order & 0x1f;
	uint16_t part[13];

	if (e->order & 0x40) {
		memset(l, 0, sizeof(*l));
		l->checksum = e->checksum;
		l->valid = true;
	}
	if (seq == 0 || seq > 20 || e->checksum != l->checksum) {
		l->valid = false;
		return;
	}
	memcpy(part, e->name1, sizeof(e->name1));
	memcpy(part + 5, e->name2, sizeof(e->name2));
	memcpy(part + 11, e->name3, sizeof(e->name3));
	for (size_t i = 0; i < 13; i++)
		l->units[(seq - 1) * 13 + i] = le16toh(part[i]);
}

static uint8_t short_checksum(const char name[11])
{
	uint8_t sum = 0;

	for (size_t i = 0; i < 11; i++)
		sum = (uint8_t)((sum >> 1) + (sum << 7) + (uint8_t)name[i]);
	return sum;
}

static void short_name(const struct fat_dir_entry *e, char *dst)
{
	bool lower_base = e->nt & 0x08, lower_ext = e->nt & 0x10;
	size_t at = 0;

	for (size_t i = 0; i < 11; i++) {
		char c = e->name[i];

		if (c == ' ')
			continue;
		if (i >= 8 && (i == 8 || !memchr(dst, '.', at)))
			dst[at++] = '.';
		if (c >= 'A' && c <= 'Z' && (i < 8 ? lower_base : lower_ext))
			c = (char)(c - 'A' + 'a');
		put_utf8(dst, &at,
			 (uint8_t)c == 0x05  ? 0xe5
			 : (uint8_t)c < 0x80 ? (uint8_t)c
					     : '?');
	}
	dst[at] = '\0';
}

bool fat_entry_name(const struct fat_long_name *l, const struct fat_dir_entry *e,
		    char dst[FAT_NAME_MAX])
{
	size_t at = 0;

	if (!l->valid || l->checksum != short_checksum(e->name)) {
		short_name(e, dst);
		return false;
	}
	for (size_t i = 0; i < 255 && l->units[i] && l->units[i] != 0xffff; i++)
		put_utf8(dst, &at, l->units[i]);
	dst[at] = '\0';
	return true;
}
