#include "bluestore.h"

#include <endian.h>
#include <string.h>

static const char magic[] = "bluestore block device\n";
#define HEADER_BYTES 60 /* magic, 36 characters of UUID, newline */

#define GIB ((uint64_t)1 << 30)
const uint64_t bluestore_places[BLUESTORE_PLACES] = { 0, GIB, 10 * GIB, 100 * GIB, 1000 * GIB };

static uint32_t crc32c(uint32_t crc, const unsigned char *p, size_t len)
{
	while (len--) {
		crc ^= *p++;
		for (int k = 0; k < 8; k++)
			crc = crc & 1 ? (crc >> 1) ^ 0x82f63b78 : crc >> 1;
	}
	return crc;
}

/* What is left of the block to read; len 0 after the first read beyond the end. */
struct reader {
	const unsigned char *p;
	size_t left;
	bool bad;
};

static const unsigned char *take(struct reader *r, size_t n)
{
	const unsigned char *p = r->p;

	if (r->bad || n > r->left) {
		r->bad = true;
		return NULL;
	}
	r->p += n;
	r->left -= n;
	return p;
}

static uint32_t take_u32(struct reader *r)
{
	const unsigned char *p = take(r, 4);
	uint32_t v = 0;

	if (p)
		memcpy(&v, p, 4);
	return le32toh(v);
}

static uint64_t take_u64(struct reader *r)
{
	const unsigned char *p = take(r, 8);
	uint64_t v = 0;

	if (p)
		memcpy(&v, p, 8);
	return le64toh(v);
}

struct text {
	const unsigned char *p;
	size_t len;
};

static struct text take_text(struct reader *r)
{
	size_t len = take_u32(r);

	return (struct text){ take(r, len), len };
}

static bool text_is(struct text t, const char *s)
{
	return t.p && t.len == strlen(s) && memcmp(t.p, s, t.len) == 0;
}

/* Printable ASCII only: a label is data from a disk. */
static void text_copy(struct text t, char *dst, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; t.p && i < t.len && n + 1 < size; i++)
		dst[n++] = t.p[i] >= 0x20 && t.p[i] < 0x7f ? (char)t.p[i] : '?';
	dst[n] = '\0';
}

bool bluestore_looks_like(const unsigned char block[BLUESTORE_LABEL_BYTES])
{
	return memcmp(block, magic, sizeof(magic) - 1) == 0;
}

static bool is_uuid(const char *s)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	for (size_t i = 0; i < sizeof(form); i++) {
		if (form[i] == 'x' ? !strchr("0123456789abcdefABCDEF", s[i]) || !s[i]
				   : s[i] != form[i])
			return false;
	}
	return true;
}

static void read_meta(struct reader *r, struct bluestore_label *l)
{
	uint32_t n = take_u32(r);

	for (uint32_t i = 0; i < n && !r->bad; i++) {
		struct text key = take_text(r), value = take_text(r);

		if (text_is(key, "ceph_fsid"))
			text_copy(value, l->ceph_fsid, sizeof(l->ceph_fsid));
		else if (text_is(key, "whoami"))
			text_copy(value, l->whoami, sizeof(l->whoami));
	}
}

int bluestore_decode(const unsigned char block[BLUESTORE_LABEL_BYTES], struct bluestore_label *ret)
{
	struct reader r = { block, BLUESTORE_LABEL_BYTES, false };
	struct bluestore_label l = { 0 };
	const unsigned char *start, *version;
	struct reader body;
	uint32_t len, crc;

	if (!bluestore_looks_like(block))
		return -EBADMSG;
	start = take(&r, HEADER_BYTES);
	memcpy(l.osd_uuid, start + sizeof(magic) - 1, 36);
	if (!is_uuid(l.osd_uuid) || start[HEADER_BYTES - 1] != '\n')
		return -EBADMSG;
	version = take(&r, 2); /* version, oldest version that can read it */
	len = take_u32(&r);
	if (r.bad || version[1] > 2 || len > r.left)
		return -EBADMSG;
	body = (struct reader){ r.p, len, false };
	(void)take(&r, len);
	crc = take_u32(&r);
	if (r.bad || crc != crc32c(UINT32_MAX, block, HEADER_BYTES + 6 + len))
		return -EBADMSG;
	for (size_t i = 0; i < r.left; i++) /* Ceph fills the block up with zeros */
		if (r.p[i])
			return -EBADMSG;
	(void)take(&body, 16); /* the UUID again, binary */
	l.size_bytes = take_u64(&body);
	(void)take(&body, 8); /* time of creation */
	text_copy(take_text(&body), l.description, sizeof(l.description));
	if (version[0] >= 2)
		read_meta(&body, &l);
	if (body.bad || (l.ceph_fsid[0] && !is_uuid(l.ceph_fsid)))
		return -EBADMSG;
	*ret = l;
	return 0;
}
