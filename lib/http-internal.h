/*
 * http-internal - what requests (http.c) and downloads (http-download.c) share
 */
#pragma once

#include "curl-util.h"
#include "http.h"

#include <stdbool.h>

#define HTTP_HOPS_MAX 5

struct http {
	CURL *curl;
	char detail[CURL_ERROR_SIZE];
	char shown[512]; /* the URL as errors show it */
};

/* Says no to what must not be asked, and remembers how the URL is shown. */
int http_check_url(struct http *h, const char *url, struct err *err) MUST_CHECK;
/* Forgets the last request's settings; the connections stay. */
void http_set_common(struct http *h, const char *url);
/* The status of the answer, after up to @hops redirects; each is checked like the first URL. */
CURLcode http_perform(struct http *h, int hops, long *ret_status, struct err *err,
		      int *ret_refused);
/* Is it worth another try? */
bool http_may_pass(CURLcode code, long status);
/* Waits before the next try: doubled each time, or as long as the server asked for. */
void http_wait_for_try(struct http *h, unsigned int wait_ms, unsigned int try);
/* An answer that is none of the file: the errno, with the status in @err. */
int http_status_error(const struct http *h, long status, struct err *err) MUST_CHECK;
