#include "dns-message.h"

#include <string.h>

#define HEADER_LEN 12
#define CLASS_IN 1
#define LABEL_MAX 63
#define NAME_MAX_BYTES 255
#define FLAG_RESPONSE 0x80
#define FLAG_TRUNCATED 0x02
#define FLAG_RECURSION_DESIRED 0x01

const char *dns_type_to_string(enum dns_type t)
{
	return t == DNS_AAAA ? "AAAA" : "A";
}

const char *dns_rcode_to_string(unsigned int rcode)
{
	static const char *const names[] = { "NOERROR",	 "FORMERR", "SERVFAIL",
					     "NXDOMAIN", "NOTIMP",  "REFUSED" };

	return rcode < ARRAY_SIZE(names) ? names[rcode] : NULL;
}

static void put16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static unsigned int get16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

/* "a.b" or "a.b." as labels; the number of bytes. */
static int put_name(const char *name, uint8_t *dst)
{
	size_t n = 0;

	while (*name) {
		size_t len = strcspn(name, ".");

		if (len == 0 || len > LABEL_MAX || n + len + 2 > NAME_MAX_BYTES)
			return -EINVAL;
		dst[n++] = (uint8_t)len;
		memcpy(dst + n, name, len);
		n += len;
		name += len + (name[len] == '.');
	}
	if (n == 0)
		return -EINVAL;
	dst[n++] = 0;
	return (int)n;
}

int dns_write_query(const char *name, enum dns_type type, uint16_t id, uint8_t *dst)
{
	int n;

	memset(dst, 0, HEADER_LEN);
	put16(dst, id);
	dst[2] = FLAG_RECURSION_DESIRED;
	put16(dst + 4, 1);
	n = put_name(name, dst + HEADER_LEN);
	if (n < 0)
		return n;
	n += HEADER_LEN;
	put16(dst + n, type);
	put16(dst + n + 2, CLASS_IN);
	return n + 4;
}

/* Where the name that starts at pos ends: a pointer to an earlier name is its end. 0: broken. */
static size_t skip_name(const uint8_t *msg, size_t len, size_t pos)
{
	while (pos < len) {
		if ((msg[pos] & 0xc0) == 0xc0)
			return pos + 2 <= len ? pos + 2 : 0;
		if (msg[pos] & 0xc0)
			return 0;
		if (msg[pos] == 0)
			return pos + 1;
		pos += 1U + msg[pos];
	}
	return 0;
}

static void take_address(const uint8_t *data, enum dns_type type, struct dns_answer *ret)
{
	struct ip_addr *a = &ret->addresses[ret->len];

	if (ret->len == ARRAY_SIZE(ret->addresses))
		return;
	*a = (struct ip_addr){ .family = type == DNS_AAAA ? IP_V6 : IP_V4 };
	memcpy(a->bytes, data, type == DNS_AAAA ? 16 : 4);
	ret->len++;
}

static int read_records(const uint8_t *msg, size_t len, size_t pos, enum dns_type type,
			struct dns_answer *ret)
{
	size_t want = type == DNS_AAAA ? 16 : 4;

	for (unsigned int n = get16(msg + 6); n > 0; n--) {
		size_t size;

		pos = skip_name(msg, len, pos);
		if (pos == 0 || len - pos < 10)
			return -EBADMSG;
		size = get16(msg + pos + 8);
		if (len - pos - 10 < size)
			return -EBADMSG;
		if (get16(msg + pos) == type && get16(msg + pos + 2) == CLASS_IN) {
			if (size != want)
				return -EBADMSG;
			take_address(msg + pos + 10, type, ret);
		}
		pos += 10 + size;
	}
	return 0;
}

int dns_read_reply(const uint8_t *msg, size_t len, const uint8_t *query, size_t query_len,
		   struct dns_answer *ret)
{
	struct dns_answer a = { 0 };
	int r;

	if (len < HEADER_LEN || memcmp(msg, query, 2) != 0 || !(msg[2] & FLAG_RESPONSE))
		return -EAGAIN;
	a.rcode = msg[3] & 0x0f;
	a.truncated = msg[2] & FLAG_TRUNCATED;
	/* servers that cannot read a question may leave it out */
	if (get16(msg + 4) == 0 && a.rcode != 0) {
		*ret = a;
		return 0;
	}
	if (get16(msg + 4) != 1 || len < query_len ||
	    memcmp(msg + HEADER_LEN, query + HEADER_LEN, query_len - HEADER_LEN) != 0)
		return -EAGAIN;
	r = read_records(msg, len, query_len,
			 get16(query + query_len - 4) == DNS_AAAA ? DNS_AAAA : DNS_A, &a);
	if (r < 0 && !a.truncated) /* a truncated one may end anywhere */
		return r;
	*ret = a;
	return 0;
}
