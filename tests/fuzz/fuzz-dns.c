/*
 * fuzz-dns - an answer of a DNS server, from any bytes: the first two are the query's id
 */
#include "dns-message.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const enum dns_type types[] = { DNS_A, DNS_AAAA };
	uint16_t id = len >= 2 ? (uint16_t)(data[0] << 8 | data[1]) : 0;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		uint8_t query[DNS_QUERY_MAX];
		struct dns_answer a = { 0 };
		int n = dns_write_query("web.svc", types[i], id, query);

		if (n < 0)
			abort();
		if (dns_read_reply(data, len, query, (size_t)n, &a) < 0)
			continue;
		for (size_t k = 0; k < a.len; k++)
			if (a.addresses[k].family != (types[i] == DNS_AAAA ? IP_V6 : IP_V4))
				abort();
	}
	return 0;
}
