#include "addr.h"
#include "test.h"

TEST(ip_addr_parse_writes_rfc5952)
{
	static const struct {
		const char *in, *out; /* out NULL: refused */
	} cases[] = {
		{ "192.168.14.3", "192.168.14.3" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "FD12:3456:789A:0014::0050", "fd12:3456:789a:14::50" },
		{ "::", "::" },
		{ "::1", "::1" },
		{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
		{ "192.168.14.03", NULL },
		{ "192.168.14", NULL },
		{ "192.168.14.256", NULL },
		{ "192.168.14.3 ", NULL },
		{ " 192.168.14.3", NULL },
		{ "fe80::1%eth0", NULL },
		{ "fd12::1::2", NULL },
		{ "fd12:::1", NULL },
		{ "12345::", NULL },
		{ "1:2:3:4:5:6:7:8:9", NULL },
		{ "192.168.14.3/26", NULL },
		{ "", NULL },
		{ "localhost", NULL },
	};
	char text[IP_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip_addr a;
		int r = ip_addr_parse(cases[i].in, &a);

		ASSERT_EQ(r, cases[i].out ? 0 : -EINVAL);
		if (r == 0)
			ASSERT_STR(ip_addr_format(&a, text), cases[i].out);
	}
}

TEST(ip_prefix_parse_checks_its_length)
{
	static const struct {
		const char *in;
		int r;
		bool is_net;
	} cases[] = {
		{ "10.42.0.0/16", 0, true },
		{ "192.168.14.3/26", 0, false },
		{ "192.168.14.64/26", 0, true },
		{ "0.0.0.0/0", 0, true },
		{ "10.0.0.1/32", 0, true },
		{ "fd22:2025:6a6a:42::/104", 0, true },
		{ "fd22:2025:6a6a:42::1/104", 0, false },
		{ "::/0", 0, true },
		{ "::1/128", 0, true },
		{ "10.42.0.0/33", -EINVAL, false },
		{ "fd22::/129", -EINVAL, false },
		{ "10.42.0.0/", -EINVAL, false },
		{ "10.42.0.0", -EINVAL, false },
		{ "10.42.0.0/016", -EINVAL, false },
		{ "10.42.0.0/-1", -EINVAL, false },
		{ "/16", -EINVAL, false },
		{ "10.42.0.0/16/16", -EINVAL, false },
		{ "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/1",
		  -EINVAL, false },
	};
	char text[IP_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip_prefix p;

		ASSERT_EQ(ip_prefix_parse(cases[i].in, &p), cases[i].r);
		if (cases[i].r < 0)
			continue;
		ASSERT_STR(ip_prefix_format(&p, text), cases[i].in);
		ASSERT_EQ(ip_prefix_is_net(&p), cases[i].is_net);
	}
}

TEST(ip_range_parse_wants_order_and_one_family)
{
	struct ip_range r;

	ASSERT_EQ(ip_range_parse("192.168.14.50-192.168.14.54", &r), 0);
	ASSERT_EQ(r.last.bytes[3], 54);
	ASSERT_EQ(ip_range_parse("fd12::50-fd12::54", &r), 0);
	ASSERT_EQ(ip_range_parse("10.0.0.1-10.0.0.1", &r), 0);
	ASSERT_EQ(ip_range_parse("192.168.14.54-192.168.14.50", &r), -EINVAL);
	ASSERT_EQ(ip_range_parse("192.168.14.50-fd12::54", &r), -EINVAL);
	ASSERT_EQ(ip_range_parse("192.168.14.50", &r), -EINVAL);
	ASSERT_EQ(ip_range_parse("192.168.14.50-", &r), -EINVAL);
	ASSERT_EQ(ip_range_parse("192.168.14.50 - 192.168.14.54", &r), -EINVAL);
}

TEST(mac_addr_parse_takes_any_case)
{
	struct mac_addr m;
	char text[IP_TEXT_MAX];

	ASSERT_EQ(mac_addr_parse("D8:3a:DD:00:00:01", &m), 0);
	ASSERT_STR(mac_addr_format(&m, text), "d8:3a:dd:00:00:01");
	ASSERT_EQ(mac_addr_parse("d8-3a-dd-00-00-01", &m), -EINVAL);
	ASSERT_EQ(mac_addr_parse("d8:3a:dd:00:00:0", &m), -EINVAL);
	ASSERT_EQ(mac_addr_parse("d8:3a:dd:00:00:011", &m), -EINVAL);
	ASSERT_EQ(mac_addr_parse("d8:3a:dd:00:00:0g", &m), -EINVAL);
	ASSERT_EQ(mac_addr_parse("", &m), -EINVAL);
}

static struct ip_prefix prefix(const char *s)
{
	struct ip_prefix p;

	ASSERT_EQ(ip_prefix_parse(s, &p), 0);
	return p;
}

static struct ip_range range(const char *s)
{
	struct ip_range r;

	ASSERT_EQ(ip_range_parse(s, &r), 0);
	return r;
}

TEST(prefixes_contain_and_overlap)
{
	static const struct {
		const char *prefix, *addr;
		bool in;
	} cases[] = {
		{ "192.168.14.0/26", "192.168.14.0", true },
		{ "192.168.14.0/26", "192.168.14.63", true },
		{ "192.168.14.0/26", "192.168.14.64", false },
		{ "192.168.14.5/26", "192.168.14.3", true },
		{ "192.168.14.0/26", "fd12::1", false },
		{ "0.0.0.0/0", "255.255.255.255", true },
		{ "0.0.0.0/0", "::1", false },
		{ "fd22:2025:6a6a:42::/104", "fd22:2025:6a6a:42::ff:ffff", true },
		{ "fd22:2025:6a6a:42::/104", "fd22:2025:6a6a:42::100:0", false },
		{ "10.0.0.1/32", "10.0.0.1", true },
		{ "10.0.0.1/32", "10.0.0.2", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip_prefix p = prefix(cases[i].prefix);
		struct ip_addr a;

		ASSERT_EQ(ip_addr_parse(cases[i].addr, &a), 0);
		ASSERT_EQ(ip_prefix_contains(&p, &a), cases[i].in);
	}
	struct ip_prefix pods = prefix("10.42.0.0/16"), services = prefix("10.43.0.0/16"),
			 all = prefix("10.0.0.0/8"), six = prefix("::/0");

	ASSERT(!ip_prefix_overlaps(&pods, &services));
	ASSERT(ip_prefix_overlaps(&pods, &all));
	ASSERT(ip_prefix_overlaps(&all, &pods));
	ASSERT(!ip_prefix_overlaps(&all, &six));
}

TEST(ranges_lie_in_prefixes_and_overlap)
{
	struct ip_prefix net = prefix("192.168.14.0/26"), pods = prefix("192.168.14.48/30");
	struct ip_range lb = range("192.168.14.50-192.168.14.54"),
			edge = range("192.168.14.60-192.168.14.64"),
			next = range("192.168.14.54-192.168.14.56"),
			far = range("192.168.14.55-192.168.14.56");

	ASSERT(ip_range_in_prefix(&lb, &net));
	ASSERT(!ip_range_in_prefix(&edge, &net));
	ASSERT(ip_range_overlaps_prefix(&edge, &net));
	ASSERT(ip_range_overlaps_prefix(&lb, &pods));
	ASSERT(!ip_range_overlaps_prefix(&far, &pods));
	ASSERT(ip_range_overlaps(&lb, &next));
	ASSERT(!ip_range_overlaps(&lb, &far));
}

TEST(ip_prefix_nth_stays_inside)
{
	static const struct {
		const char *prefix;
		uint64_t n;
		const char *want; /* NULL: -ERANGE */
	} cases[] = {
		{ "10.43.0.0/16", 10, "10.43.0.10" },
		{ "10.43.7.7/16", 0, "10.43.0.0" },
		{ "10.43.0.0/16", 65535, "10.43.255.255" },
		{ "10.43.0.0/16", 65536, NULL },
		{ "0.0.0.0/0", UINT64_C(1) << 32, NULL },
		{ "fd22:2025:6a6a:43::/112", 10, "fd22:2025:6a6a:43::a" },
		{ "fd22:2025:6a6a:43::/112", 65536, NULL },
		{ "::/0", UINT64_MAX, "::ffff:ffff:ffff:ffff" },
		{ "::1/128", 1, NULL },
	};
	char text[IP_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip_prefix p = prefix(cases[i].prefix);
		struct ip_addr a;

		ASSERT_EQ(ip_prefix_nth(&p, cases[i].n, &a), cases[i].want ? 0 : -ERANGE);
		if (cases[i].want)
			ASSERT_STR(ip_addr_format(&a, text), cases[i].want);
	}
}

TEST(ip_addr_cmp_puts_ipv4_first)
{
	struct ip_addr four, six, five;

	ASSERT_EQ(ip_addr_parse("255.0.0.0", &four), 0);
	ASSERT_EQ(ip_addr_parse("::", &six), 0);
	ASSERT_EQ(ip_addr_parse("255.0.0.1", &five), 0);
	ASSERT(ip_addr_cmp(&four, &six) < 0);
	ASSERT(ip_addr_cmp(&six, &four) > 0);
	ASSERT(ip_addr_cmp(&four, &five) < 0);
	ASSERT_EQ(ip_addr_cmp(&four, &four), 0);
}
