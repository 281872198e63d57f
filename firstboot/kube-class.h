/*
 * kube-class - what an answer of the API server means for the next step
 *
 * One table decides what is tried again and what is not (notes on retry classes:
 * client-go, cli-utils and Talos agree on most of it). A class is about the
 * answer alone; how long to go on is the caller's affair.
 */
#pragma once

#include "err.h"

#include <jansson.h>
#include <stdbool.h>

enum kube_class {
	KUBE_OK,	 /* 2xx, 304 */
	KUBE_RETRY,	 /* network, 408, 429, 5xx, webhook or etcd trouble: the same again later */
	KUBE_NOT_SERVED, /* 404 for the group, version or kind: not served yet, retry */
	KUBE_ABSENT,	 /* 404 for the object */
	KUBE_NO_NAMESPACE,   /* 404 for the namespace of a write */
	KUBE_TERMINATING,    /* 403 or 409: the namespace or object is being deleted */
	KUBE_AUTH,	     /* 401, 403: retry during warm-up, then an error */
	KUBE_FIELD_CONFLICT, /* 409 FieldManagerConflict: another manager owns the field */
	KUBE_CONFLICT,	     /* 409 resourceVersion race: read again, then retry */
	KUBE_EXISTS,	     /* 409 AlreadyExists */
	KUBE_INVALID,	     /* 400, 405, 413, 415, 422: the request is wrong, no retry */
	KUBE_IMMUTABLE,	     /* 422 whose cause is an immutable field */
	KUBE_WRONG_CLUSTER,  /* the server's certificate is not of our CA: stop hard */
};
const char *kube_class_to_string(enum kube_class c);

struct kube_reply {
	enum kube_class class;
	int status;		    /* HTTP status; 0: no answer */
	int curl;		    /* CURLcode */
	unsigned int retry_after_s; /* 0: not said */
	char etag[128];		    /* "" without */
	char *body;		    /* owned; NUL-terminated; NULL: none */
	size_t len;
	char reason[64];    /* Status.reason, "" without */
	char message[1024]; /* Status.message or the network's error, for people */
};
void kube_reply_done(struct kube_reply *r);

/* Fill class, reason and message from status, curl and body. */
void kube_reply_classify(struct kube_reply *r);
/* Parse the body as JSON: new reference, NULL (err set) if it is none. */
json_t *kube_reply_json(const struct kube_reply *r, struct err *err);
/* May the very same request succeed later without anybody's help? */
bool kube_class_retries(enum kube_class c);
