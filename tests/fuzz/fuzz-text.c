/* fuzz-text - the small parsers of lib/: numbers, sizes, addresses, GUIDs, base64, JSON, paths */
#include "addr.h"
#include "base64.h"
#include "guid.h"
#include "json.h"
#include "parse.h"
#include "path.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* What was taken can be written, and reads back as the same. */
static void numbers(const char *s)
{
	char text[DURATION_TEXT_MAX];
	uint64_t n, again;
	uint32_t mode;

	if (size_parse(s, &n) == 0)
		must(size_parse(size_format(n, text), &again) == 0 && again == n);
	if (duration_parse(s, &n) == 0)
		must(duration_parse(duration_format(n, text), &again) == 0 && again == n);
	if (u64_parse(s, &n) == 0) {
		(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
		must(strcmp(text, s) == 0);
	}
	(void)size_human(strlen(s), text);
	if (mode_parse(s, &mode) == 0)
		must(mode <= 07777);
}

static void addresses(const char *s)
{
	char text[IP_TEXT_MAX];
	struct ip_addr a, nth;
	struct ip_prefix p;
	struct ip_range r;
	struct mac_addr mac;

	if (ip_addr_parse(s, &a) == 0)
		must(ip_addr_parse(ip_addr_format(&a, text), &nth) == 0 &&
		     ip_addr_cmp(&a, &nth) == 0);
	if (ip_prefix_parse(s, &p) == 0) {
		must(ip_prefix_contains(&p, &p.addr) && ip_prefix_overlaps(&p, &p));
		if (ip_prefix_nth(&p, strlen(s), &nth) == 0)
			must(ip_prefix_contains(&p, &nth));
	}
	if (ip_range_parse(s, &r) == 0)
		must(ip_range_contains(&r, &r.first) && ip_range_overlaps(&r, &r));
	if (mac_addr_parse(s, &mac) == 0)
		must(strcasecmp(mac_addr_format(&mac, text), s) == 0);
}

static void blobs(const char *s, size_t len)
{
	cleanup_free char *raw = NULL, *text = NULL;
	char guid_text[GUID_TEXT_MAX];
	struct guid g;
	size_t raw_len;

	if (base64_decode(s, &raw, &raw_len) == 0) {
		text = base64_encode(raw, raw_len);
		must(text && strcmp(text, s) == 0); /* one text for each value */
	}
	if (guid_parse(s, &g) == 0)
		must(strcasecmp(guid_format(&g, guid_text), s) == 0);
	if (path_is_clean(s))
		must(s[0] == '/' && len > 1 && !strstr(s, "/../"));
}

static void json(const char *s, size_t len)
{
	cleanup_buf struct buf once = BUF_INIT(16 << 20), twice = BUF_INIT(16 << 20);
	cleanup_json json_t *j = NULL, *again = NULL;
	struct err err = { 0 };

	if (js_read(s, len, &j, &err) < 0) {
		must(err.msg[0] != '\0');
		return;
	}
	must(js_canonical(j, &once) == 0);
	if (js_read(once.data, once.len, &again, &err) < 0)
		return; /* numbers too large for a double print as they cannot be read */
	must(js_canonical(again, &twice) == 0 && strcmp(buf_str(&once), buf_str(&twice)) == 0);
	(void)js_at(j, "a[4].b");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	cleanup_free char *s = strndup((const char *)data, len);

	must(s != NULL);
	numbers(s);
	addresses(s);
	blobs(s, strlen(s));
	json((const char *)data, len);
	return 0;
}
