/*
 * curl-util - cleanup types of libcurl and the translator of its errors
 */
#pragma once

#include "err.h"

#include <curl/curl.h>

static inline void curl_easyp(CURL **c)
{
	curl_easy_cleanup(*c);
}
static inline void curl_slistp(struct curl_slist **l)
{
	curl_slist_free_all(*l);
}
static inline void curl_urlp(CURLU **u)
{
	curl_url_cleanup(*u);
}
static inline void curl_strp(char **s)
{
	curl_free(*s);
}
#define cleanup_curl CLEANUP(curl_easyp)
#define cleanup_slist CLEANUP(curl_slistp)
#define cleanup_curlu CLEANUP(curl_urlp)
#define cleanup_curl_str CLEANUP(curl_strp)

/* curl_global_init, once for all threads; a negative errno when it fails. */
int curl_ready(struct err *err) MUST_CHECK;
/*
 * "@what: text", with the text that curl left in @detail (its CURLOPT_ERRORBUFFER) or its
 * general one; picks an errno: -ECONNREFUSED, -ETIMEDOUT, -EHOSTUNREACH (no such name), -EPROTO
 * (TLS), -ECANCELED (a callback), -ENOSPC (a write), -ENOMEM, else -EIO.
 */
int err_curl(struct err *err, CURLcode code, const char *detail, const char *what);

/*
 * TLS from memory: @ca_pem alone is trusted, @cert_pem and @key_pem (both or none) say who asks.
 * NULL leaves the machine's CAs, or nobody asks. Borrowed until the transfer has ended.
 */
void curl_set_identity(CURL *c, const char *ca_pem, const char *cert_pem, const char *key_pem);
