#include "image-ref.h"

#include <ctype.h>
#include <string.h>

struct parts {
	const char *host, *path, *tag, *digest;
	size_t host_len, path_len, tag_len;
};

static bool all_of(const char *s, size_t len, const char *more, bool upper)
{
	for (size_t i = 0; i < len; i++)
		if (!islower((unsigned char)s[i]) && !isdigit((unsigned char)s[i]) &&
		    !(upper && isupper((unsigned char)s[i])) && !strchr(more, s[i]))
			return false;
	return len > 0;
}

static bool is_host(const char *s, size_t len)
{
	const char *colon = memchr(s, ':', len);
	size_t name = colon ? (size_t)(colon - s) : len;

	if (!all_of(s, name, ".-", true) || !isalnum((unsigned char)s[0]))
		return false;
	if (colon && strspn(colon + 1, "0123456789") != len - name - 1)
		return false;
	return colon || memchr(s, '.', len) || (len == 9 && memcmp(s, "localhost", 9) == 0);
}

/* Whether each part is spelt as a registry takes it. */
static bool whole(const struct parts *p)
{
	if (!all_of(p->path, p->path_len, "._-/", false) || !isalnum((unsigned char)p->path[0]) ||
	    !isalnum((unsigned char)p->path[p->path_len - 1]))
		return false;
	if (p->tag && (p->tag_len > 128 || !all_of(p->tag, p->tag_len, "._-", true)))
		return false;
	return !p->digest || (strncmp(p->digest, "sha256:", 7) == 0 && strlen(p->digest) == 71 &&
			      strspn(p->digest + 7, "0123456789abcdef") == 64);
}

static bool split(const char *s, struct parts *p)
{
	const char *slash = strchr(s, '/'), *end, *colon;

	*p = (struct parts){ 0 };
	if (slash && is_host(s, (size_t)(slash - s))) {
		p->host = s;
		p->host_len = (size_t)(slash - s);
		s = slash + 1;
	}
	p->path = s;
	p->digest = strchr(s, '@');
	end = p->digest ? p->digest : s + strlen(s);
	if (p->digest)
		p->digest++;
	colon = memchr(s, ':', (size_t)(end - s));
	p->path_len = (size_t)((colon ? colon : end) - s);
	if (colon) {
		p->tag = colon + 1;
		p->tag_len = (size_t)(end - colon) - 1;
	}
	return whole(p);
}

static bool host_is(const struct parts *p, const char *name)
{
	return strlen(name) == p->host_len && memcmp(p->host, name, p->host_len) == 0;
}

int image_ref_normalize(const char *text, char dst[IMAGE_REF_MAX])
{
	struct parts p;
	bool hub, library;
	int n;

	if (strlen(text) > 500 || !split(text, &p))
		return -EINVAL;
	hub = !p.host || host_is(&p, "docker.io") || host_is(&p, "index.docker.io");
	library = hub && !memchr(p.path, '/', p.path_len);
	n = snprintf(dst, IMAGE_REF_MAX, "%.*s/%s%.*s", hub ? 9 : (int)p.host_len,
		     hub ? "docker.io" : p.host, library ? "library/" : "", (int)p.path_len,
		     p.path);
	if (p.tag || !p.digest)
		n += snprintf(dst + n, IMAGE_REF_MAX - (size_t)n, ":%.*s",
			      p.tag ? (int)p.tag_len : 6, p.tag ? p.tag : "latest");
	if (p.digest)
		(void)snprintf(dst + n, IMAGE_REF_MAX - (size_t)n, "@%s", p.digest);
	return 0;
}

bool image_ref_is_full(const char *text)
{
	struct parts p;

	return strchr(text, '/') && split(text, &p) && p.host && (p.tag || p.digest) &&
	       !(p.tag && strspn(p.tag, "0123456789") == p.tag_len && p.tag_len > 2 &&
		 !memchr(p.path, '/', p.path_len));
}
