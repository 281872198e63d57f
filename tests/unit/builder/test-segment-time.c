#include "segment-time.h"
#include "test.h"

#include <string.h>

#define NOW_NS (UINT64_C(1767225600) * 1000000000 + 500000000) /* 2026-01-01 00:00:00.5 */
#define NTP4 (14 + 20 + 8)
#define NTP6 (14 + 40 + 8)

static const struct segment_time both = {
	.gateways = { { .family = IP_V4, .bytes = { 192, 168, 15, 1 } },
		      { .family = IP_V6,
			.bytes = { 0xfd, 0x12, 0x34, 0x56, 0x78, 0x9a, 0, 0x15, 0, 0, 0, 0, 0, 0, 0,
				   1 } } },
};

/* As systemd-timesyncd asks from 192.168.15.11, port 40000: no checksum, as IPv4 may */
static size_t question4(uint8_t *f)
{
	static const uint8_t head[NTP4] = {
		0x52, 0x55, 0xc0, 0xa8, 0x0f, 0x01, 0x52, 0x54, 0,  0,	0x15, 0x11, 0x08,
		0,								    /* Ethernet */
		0x45, 0,    0,	  76,	0x12, 0x34, 0x40, 0,	64, 17, 0x89, 0x10, /* IPv4,
										       checksum
										       right */
		192,  168,  15,	  11,	192,  168,  15,	  1,			    /* from, to */
		0x9c, 0x40, 0,	  123,	0,    56,   0,	  0,			    /* UDP */
	};

	memset(f, 0, NTP4 + 48);
	memcpy(f, head, sizeof(head));
	f[NTP4] = 0x23;
	memcpy(f + NTP4 + 40, "\xec\x12\x34\x56\x9a\xbc\xde\xf0", 8);
	return NTP4 + 48;
}
static size_t question6(uint8_t *f)
{
	static const uint8_t head[18] = { 0x52, 0x55, 0,    0,	  0,	2,    0x52, 0x54,
					  0,	0,    0x15, 0x11, 0x86, 0xdd, 0x60 };

	memset(f, 0, NTP6 + 48);
	memcpy(f, head, sizeof(head));
	f[14 + 5] = 56;
	f[14 + 6] = 17;
	f[14 + 7] = 64;
	memcpy(f + 14 + 8, both.gateways[1].bytes, 16);
	f[14 + 8 + 15] = 0x11;
	memcpy(f + 14 + 24, both.gateways[1].bytes, 16);
	memcpy(f + 14 + 40, "\x9c\x40\0\x7b\0\x38", 6);
	f[NTP6] = 0x1b;
	memcpy(f + NTP6 + 40, "\xec\x12\x34\x56\x9a\xbc\xde\xf0", 8);
	return NTP6 + 48;
}

static uint32_t sum16(const uint8_t *p, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void expect_time(const uint8_t *ntp, uint8_t first)
{
	/* RFC 4330, 5: the client's time back, ours since 1900 in seconds and their fraction */
	static const uint8_t since_1900[8] = { 0xed, 0x00, 0x37, 0x80, 0x80, 0, 0, 0 };

	ASSERT_EQ(ntp[0], first);
	ASSERT(ntp[1] > 0 && ntp[1] < 16);
	ASSERT_EQ(memcmp(ntp + 24, "\xec\x12\x34\x56\x9a\xbc\xde\xf0", 8), 0);
	ASSERT_EQ(memcmp(ntp + 32, since_1900, 8), 0);
	ASSERT_EQ(memcmp(ntp + 40, since_1900, 8), 0);
}

TEST(segment_time_answers_ipv4)
{
	uint8_t f[NTP4 + 48 + 4], a[SEGMENT_TIME_ANSWER_MAX];
	size_t len = question4(f);

	ASSERT_EQ(segment_time_answer(&both, f, len + 4, NOW_NS, a), len); /* padding is no part */
	ASSERT_EQ(memcmp(a, f + 6, 6), 0);
	ASSERT_EQ(memcmp(a + 6, f, 6), 0);
	ASSERT_EQ(memcmp(a + 26, f + 30, 4), 0);
	ASSERT_EQ(memcmp(a + 30, f + 26, 4), 0);
	ASSERT_EQ(sum16(a + 14, 20, 0), 0xffff); /* of the header */
	ASSERT_EQ(memcmp(a + 34, "\0\x7b\x9c\x40\0\x38", 6), 0);
	ASSERT_EQ(sum16(a + 26, 8 + 8 + 48, 17 + 56), 0xffff);
	expect_time(a + NTP4, 0x24);
}

TEST(segment_time_answers_ipv4_with_options)
{
	uint8_t f[NTP4 + 48 + 4], a[SEGMENT_TIME_ANSWER_MAX];

	(void)question4(f);
	memmove(f + 38, f + 34, 56);
	memset(f + 34, 1, 4); /* four times: no operation */
	f[14] = 0x46;
	f[17] = 80;
	ASSERT_EQ(segment_time_answer(&both, f, sizeof(f), NOW_NS, a), sizeof(f));
	expect_time(a + NTP4 + 4, 0x24);
}

TEST(segment_time_answers_ipv6)
{
	uint8_t f[NTP6 + 48], a[SEGMENT_TIME_ANSWER_MAX];

	ASSERT_EQ(segment_time_answer(&both, f, question6(f), NOW_NS, a), sizeof(f));
	ASSERT_EQ(memcmp(a + 22, f + 38, 16), 0);
	ASSERT_EQ(memcmp(a + 38, f + 22, 16), 0);
	ASSERT_EQ(sum16(a + 22, 32 + 8 + 48, 17 + 56), 0xffff);
	expect_time(a + NTP6, 0x1c);
}

TEST(segment_time_lets_the_rest_pass)
{
	static const struct {
		const char *what;
		size_t at;
		uint8_t value;
		bool ipv6;
	} cases[] = {
		{ "another protocol", 23, 6, false },
		{ "another address", 33, 2, false },
		{ "another address", 14 + 24 + 15, 2, true },
		{ "another port", 37, 53, false },
		{ "a fragment", 21, 1, false },
		{ "the first of several fragments", 20, 0x20, false },
		{ "longer than a plain question", 17, 96, false },
		{ "UDP says another length", 39, 57, false },
		{ "IPv6 says another length", 19, 55, true },
		{ "a header too short", 14, 0x44, false },
		{ "another version of IP", 14, 0x65, false },
		{ "an extension header", 20, 0, true },
		{ "an answer", NTP4, 0x24, false },
		{ "another kind of frame", 13, 6, false },
	};
	uint8_t f[NTP6 + 48], a[SEGMENT_TIME_ANSWER_MAX];
	struct segment_time ipv4_only = both;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t len = cases[i].ipv6 ? question6(f) : question4(f);

		f[cases[i].at] = cases[i].value;
		len = segment_time_answer(&both, f, len, NOW_NS, a);
		ASSERT_STR(len ? cases[i].what : "let pass", "let pass");
	}
	for (size_t len = 0; len < NTP4 + 48; len++) {
		(void)question4(f);
		ASSERT_EQ(segment_time_answer(&both, f, len, NOW_NS, a), 0);
	}
	for (size_t len = 0; len < NTP6 + 48; len++) {
		(void)question6(f);
		ASSERT_EQ(segment_time_answer(&both, f, len, NOW_NS, a), 0);
	}
	ipv4_only.gateways[1] = (struct ip_addr){ 0 };
	ASSERT_EQ(segment_time_answer(&ipv4_only, f, question6(f), NOW_NS, a), 0);
}
