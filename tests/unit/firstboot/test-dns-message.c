#include "dns-message.h"
#include "parse.h"
#include "test.h"

#define QUERY "abcd01000001000000000000" NAME_A
#define NAME_A "0377656203737663000001 0001"
#define NAME_AAAA "037765620373766300001c 0001"
#define RR_A "c00c 0001 0001 00000005 0004 0a2b004d"
#define RR_CNAME "c00c 0005 0001 00000005 0006 016103737663"

/* Hex digits, blanks passed over. */
static size_t bytes(const char *hex, uint8_t *dst)
{
	char digits[2048];
	size_t n = 0;

	for (; *hex; hex++)
		if (*hex != ' ')
			digits[n++] = *hex;
	digits[n] = '\0';
	ASSERT_EQ(hex_decode(digits, dst, n / 2), 0);
	return n / 2;
}

TEST(a_query_has_one_question)
{
	uint8_t q[DNS_QUERY_MAX], want[DNS_QUERY_MAX];
	size_t n = bytes(QUERY, want);

	ASSERT_EQ(dns_write_query("web.svc", DNS_A, 0xabcd, q), (int)n);
	ASSERT(memcmp(q, want, n) == 0);
	ASSERT_EQ(dns_write_query("web.svc.", DNS_A, 0xabcd, q), (int)n);
	ASSERT(memcmp(q, want, n) == 0);
	ASSERT_EQ(dns_write_query("web.svc", DNS_AAAA, 0xabcd, q), (int)n);
	ASSERT_EQ(q[n - 3], DNS_AAAA);
}

TEST(names_that_are_none)
{
	char label[80], name[300];
	uint8_t q[DNS_QUERY_MAX];

	memset(label, 'a', 63);
	label[63] = '\0';
	(void)snprintf(name, sizeof(name), "%.63s.%.63s.%.63s.%.61s", label, label, label, label);
	ASSERT_EQ(dns_write_query("", DNS_A, 1, q), -EINVAL);
	ASSERT_EQ(dns_write_query(".", DNS_A, 1, q), -EINVAL);
	ASSERT_EQ(dns_write_query("a..b", DNS_A, 1, q), -EINVAL);
	ASSERT_EQ(dns_write_query(name, DNS_A, 1, q), 12 + 255 + 4);
	(void)snprintf(name, sizeof(name), "%.63s.%.63s.%.63s.%.62s", label, label, label, label);
	ASSERT_EQ(dns_write_query(name, DNS_A, 1, q), -EINVAL);
	(void)snprintf(name, sizeof(name), "%.63sa", label);
	ASSERT_EQ(dns_write_query(name, DNS_A, 1, q), -EINVAL);
}

static const struct {
	const char *name, *reply;
	int r;
	unsigned int rcode;
	size_t len;
	bool truncated;
} replies[] = {
	{ "an address", "abcd85000001000100000000" NAME_A RR_A, 0, 0, 1, false },
	{ "behind an alias", "abcd85000001000200000000" NAME_A RR_CNAME RR_A, 0, 0, 1, false },
	{ "two", "abcd85000001000200000000" NAME_A RR_A RR_A, 0, 0, 2, false },
	{ "no address", "abcd85000001000000000000" NAME_A, 0, 0, 0, false },
	{ "no such name", "abcd85030001000000000000" NAME_A, 0, 3, 0, false },
	{ "refused without its question", "abcd80050000000000000000", 0, 5, 0, false },
	{ "cut", "abcd87000001000200000000" NAME_A RR_A, 0, 0, 1, true },
	{ "another id", "abce85000001000100000000" NAME_A RR_A, -EAGAIN, 0, 0, false },
	{ "a query", "abcd01000001000100000000" NAME_A RR_A, -EAGAIN, 0, 0, false },
	{ "another type", "abcd85000001000100000000" NAME_AAAA RR_A, -EAGAIN, 0, 0, false },
	{ "two questions", "abcd85000002000100000000" NAME_A RR_A, -EAGAIN, 0, 0, false },
	{ "no question, no error", "abcd85000000000000000000", -EAGAIN, 0, 0, false },
	{ "a header alone", "abcd8500000100010000", -EAGAIN, 0, 0, false },
	{ "fewer records than said", "abcd85000001000200000000" NAME_A RR_A, -EBADMSG, 0, 0,
	  false },
	{ "an address of three bytes",
	  "abcd85000001000100000000" NAME_A "c00c00010001000000050003 0a2b00", -EBADMSG, 0, 0,
	  false },
	{ "data beyond the end",
	  "abcd85000001000100000000" NAME_A "c00c00010001000000050009 0a2b004d", -EBADMSG, 0, 0,
	  false },
	{ "a name beyond the end", "abcd85000001000100000000" NAME_A "3f", -EBADMSG, 0, 0, false },
	{ "half a pointer", "abcd85000001000100000000" NAME_A "c0", -EBADMSG, 0, 0, false },
	{ "a label of no kind", "abcd85000001000100000000" NAME_A "80 00010001000000050000",
	  -EBADMSG, 0, 0, false },
};

TEST(replies_are_judged)
{
	uint8_t query[DNS_QUERY_MAX], msg[512];
	size_t query_len = bytes(QUERY, query);

	for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
		struct dns_answer a = { 0 };
		size_t n = bytes(replies[i].reply, msg);
		int r = dns_read_reply(msg, n, query, query_len, &a);

		if (r != replies[i].r || a.rcode != replies[i].rcode || a.len != replies[i].len ||
		    a.truncated != replies[i].truncated)
			test_fail(__FILE__, __LINE__, "%s: %d, code %u, %zu addresses",
				  replies[i].name, r, a.rcode, a.len);
	}
}

TEST(the_address_itself)
{
	uint8_t query[DNS_QUERY_MAX], msg[512];
	size_t n, query_len = bytes(QUERY, query);
	char text[IP_TEXT_MAX];
	struct dns_answer a;

	n = bytes("abcd85000001000100000000" NAME_A RR_A, msg);
	ASSERT_EQ(dns_read_reply(msg, n, query, query_len, &a), 0);
	ASSERT_STR(ip_addr_format(&a.addresses[0], text), "10.43.0.77");
	query_len = bytes("abcd01000001000000000000" NAME_AAAA, query);
	n = bytes("abcd85000001000100000000" NAME_AAAA
		  "c00c001c0001000000050010 fd2220256a6a00430000000000000077",
		  msg);
	ASSERT_EQ(dns_read_reply(msg, n, query, query_len, &a), 0);
	ASSERT_STR(ip_addr_format(&a.addresses[0], text), "fd22:2025:6a6a:43::77");
	ASSERT_STR(dns_rcode_to_string(3), "NXDOMAIN");
	ASSERT(!dns_rcode_to_string(17));
}

TEST(more_addresses_than_fit)
{
	uint8_t query[DNS_QUERY_MAX], msg[2048];
	size_t query_len = bytes(QUERY, query), n = bytes("abcd850000010028 00000000" NAME_A, msg);
	struct dns_answer a;

	for (int i = 0; i < 40; i++)
		n += bytes(RR_A, msg + n);
	ASSERT_EQ(dns_read_reply(msg, n, query, query_len, &a), 0);
	ASSERT_EQ(a.len, DNS_ADDRESSES_MAX);
}
