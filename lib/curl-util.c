#include "curl-util.h"

#include <pthread.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode init_result;

static void init(void)
{
	init_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

int curl_ready(struct err *err)
{
	(void)pthread_once(&once, init);
	return init_result == CURLE_OK ? 0
				       : err_curl(err, init_result, NULL, "cannot start libcurl");
}

static int to_errno(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_CONNECT:
		return -ECONNREFUSED;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return -EHOSTUNREACH;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
		return -EPROTO;
	case CURLE_ABORTED_BY_CALLBACK:
		return -ECANCELED;
	case CURLE_WRITE_ERROR:
		return -ENOSPC;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

int err_curl(struct err *err, CURLcode code, const char *detail, const char *what)
{
	return err_setf(err, to_errno(code), "%s: %s", what,
			detail && *detail ? detail : curl_easy_strerror(code));
}

static struct curl_blob blob(const char *pem)
{
	return (struct curl_blob){ .data = (void *)(uintptr_t)pem,
				   .len = strlen(pem),
				   .flags = CURL_BLOB_NOCOPY };
}

void curl_set_identity(CURL *c, const char *ca_pem, const char *cert_pem, const char *key_pem)
{
	if (ca_pem) {
		struct curl_blob ca = blob(ca_pem);

		(void)curl_easy_setopt(c, CURLOPT_CAINFO, NULL);
		(void)curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
		(void)curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &ca);
	}
	if (cert_pem && key_pem) {
		struct curl_blob cert = blob(cert_pem), key = blob(key_pem);

		(void)curl_easy_setopt(c, CURLOPT_SSLCERTTYPE, "PEM");
		(void)curl_easy_setopt(c, CURLOPT_SSLCERT_BLOB, &cert);
		(void)curl_easy_setopt(c, CURLOPT_SSLKEYTYPE, "PEM");
		(void)curl_easy_setopt(c, CURLOPT_SSLKEY_BLOB, &key);
	}
}
