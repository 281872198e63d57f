#include "image-names.h"

#include <string.h>

/* Where the digest begins ("sha256:…"), or NULL. */
static const char *digest_of(const char *name)
{
	const char *at = strchr(name, '@');

	return at ? at + 1 : NULL;
}

/* Name and tag are the same; @want may have a digest behind. */
static bool same_tag(const char *have, const char *want)
{
	size_t len = strcspn(want, "@");

	return strlen(have) == len && strncmp(have, want, len) == 0;
}

static bool names_hold(const json_t *names, const char *want)
{
	const char *digest = digest_of(want);
	bool tag = false, has_digest = false;
	const json_t *e;
	size_t i;

	json_array_foreach (names, i, e) {
		const char *have = json_string_value(e), *d = have ? digest_of(have) : NULL;

		if (!have)
			continue;
		if (strcmp(have, want) == 0 || (d && digest && strcmp(d, digest) == 0))
			return true;
		has_digest |= d != NULL;
		tag |= same_tag(have, want);
	}
	return tag && (!digest || !has_digest);
}

bool image_is_listed(const json_t *images, const char *want)
{
	const json_t *e;
	size_t i;

	json_array_foreach (images, i, e)
		if (names_hold(json_object_get(e, "names"), want))
			return true;
	return false;
}
