#include "kube-class.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>

static const char *const class_names[] = {
	[KUBE_OK] = "ok",
	[KUBE_RETRY] = "retry",
	[KUBE_NOT_SERVED] = "not-served",
	[KUBE_ABSENT] = "absent",
	[KUBE_NO_NAMESPACE] = "no-namespace",
	[KUBE_TERMINATING] = "terminating",
	[KUBE_AUTH] = "auth",
	[KUBE_FIELD_CONFLICT] = "field-conflict",
	[KUBE_CONFLICT] = "conflict",
	[KUBE_EXISTS] = "exists",
	[KUBE_INVALID] = "invalid",
	[KUBE_IMMUTABLE] = "immutable",
	[KUBE_WRONG_CLUSTER] = "wrong-cluster",
};

/*
 * First row that fits decides: status (0: any), Status.reason and a piece of the
 * text (NULL: any; matched without case).
 */
static const struct class_rule {
	int status;
	const char *reason, *text;
	enum kube_class class;
} rules[] = {
	{ 404, NULL, "404 page not found", KUBE_NOT_SERVED },
	{ 404, NULL, "the server could not find the requested resource", KUBE_NOT_SERVED },
	{ 404, "NotFound", "namespaces \"", KUBE_NO_NAMESPACE },
	{ 404, "NotFound", NULL, KUBE_ABSENT },
	{ 404, NULL, NULL, KUBE_NOT_SERVED },
	{ 409, NULL, "FieldManagerConflict", KUBE_FIELD_CONFLICT },
	{ 409, NULL, "Apply failed with", KUBE_FIELD_CONFLICT },
	{ 409, "AlreadyExists", NULL, KUBE_EXISTS },
	{ 409, NULL, "being deleted", KUBE_TERMINATING },
	{ 409, NULL, NULL, KUBE_CONFLICT },
	{ 403, NULL, "because it is being terminated", KUBE_TERMINATING },
	{ 403, NULL, NULL, KUBE_AUTH },
	{ 401, NULL, NULL, KUBE_AUTH },
	{ 422, NULL, "field is immutable", KUBE_IMMUTABLE },
	{ 422, NULL, "may not be changed", KUBE_IMMUTABLE },
	{ 422, NULL, "updates to statefulset spec", KUBE_IMMUTABLE },
	{ 422, NULL, "is forbidden: updates to parameters", KUBE_IMMUTABLE },
	{ 422, NULL, "cannot change roleRef", KUBE_IMMUTABLE },
	{ 400, NULL, NULL, KUBE_INVALID },
	{ 500, NULL, "failed to create typed patch object", KUBE_INVALID }, /* against its schema */
	{ 405, NULL, NULL, KUBE_INVALID },
	{ 413, NULL, NULL, KUBE_INVALID },
	{ 415, NULL, NULL, KUBE_INVALID },
	{ 422, NULL, NULL, KUBE_INVALID },
	{ 408, NULL, NULL, KUBE_RETRY },
	{ 429, NULL, NULL, KUBE_RETRY },
};

const char *kube_class_to_string(enum kube_class c)
{
	return (size_t)c < ARRAY_SIZE(class_names) ? class_names[c] : "unknown";
}

bool kube_class_retries(enum kube_class c)
{
	return c == KUBE_RETRY || c == KUBE_NOT_SERVED || c == KUBE_NO_NAMESPACE ||
	       c == KUBE_TERMINATING || c == KUBE_CONFLICT;
}

void kube_reply_done(struct kube_reply *r)
{
	free(r->body);
	*r = (struct kube_reply){ 0 };
}

json_t *kube_reply_json(const struct kube_reply *r, struct err *err)
{
	json_error_t je = { 0 };
	json_t *j;

	if (!r->body) {
		(void)err_setf(err, -EBADMSG, "the API server's answer is empty");
		return NULL;
	}
	j = json_loadb(r->body, r->len, JSON_REJECT_DUPLICATES, &je);
	if (!j)
		(void)err_setf(err, -EBADMSG, "the API server's answer is no JSON: %s at byte %d",
			       je.text, je.position);
	return j;
}

static enum kube_class class_of_curl(int code, const char *text)
{
	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
		/* our CA, but one of the clocks is off: time sync or a renewal heals it */
		if (strstr(text, "not yet valid") || strstr(text, "has expired"))
			return KUBE_RETRY;
		return KUBE_WRONG_CLUSTER;
	case CURLE_SSL_ISSUER_ERROR:
		return KUBE_WRONG_CLUSTER;
	case CURLE_SSL_CERTPROBLEM:
		return KUBE_AUTH;
	case CURLE_FILESIZE_EXCEEDED:
	case CURLE_WRITE_ERROR:
	case CURLE_URL_MALFORMAT:
		return KUBE_INVALID;
	default:
		return KUBE_RETRY;
	}
}

static void read_status_object(struct kube_reply *r, const char **text)
{
	json_t *j = r->body ? json_loadb(r->body, r->len, 0, NULL) : NULL;
	const char *kind = json_string_value(json_object_get(j, "kind"));

	if (kind && strcmp(kind, "Status") == 0) {
		const char *reason = json_string_value(json_object_get(j, "reason"));
		const char *message = json_string_value(json_object_get(j, "message"));

		(void)snprintf(r->reason, sizeof(r->reason), "%s", reason ? reason : "");
		(void)snprintf(r->message, sizeof(r->message), "%s", message ? message : "");
		/* the causes matter beyond the message: look at the whole body */
		*text = r->body;
	} else if (r->body) {
		(void)snprintf(r->message, sizeof(r->message), "%.200s", r->body);
		*text = r->body;
	}
	json_decref(j);
}

static bool rule_holds(const struct class_rule *rule, const struct kube_reply *r, const char *text)
{
	if (rule->status && rule->status != r->status)
		return false;
	if (rule->reason && strcmp(rule->reason, r->reason) != 0)
		return false;
	return !rule->text || strcasestr(text, rule->text) || strcasestr(r->message, rule->text);
}

void kube_reply_classify(struct kube_reply *r)
{
	const char *text = "";

	if (r->curl != CURLE_OK) {
		r->class = class_of_curl(r->curl, r->message);
		if (!r->message[0])
			(void)snprintf(r->message, sizeof(r->message), "%s",
				       curl_easy_strerror(r->curl));
		return;
	}
	if ((r->status >= 200 && r->status < 300) || r->status == 304) {
		r->class = KUBE_OK;
		return;
	}
	read_status_object(r, &text);
	if (r->status == 401) /* "Unauthorized" alone helps nobody */
		(void)snprintf(r->message, sizeof(r->message),
			       "the API server does not accept our client certificate (401): it "
			       "may have expired; K3s renews it when it starts");
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (rule_holds(&rules[i], r, text)) {
			r->class = rules[i].class;
			return;
		}
	}
	r->class = r->status >= 500 ? KUBE_RETRY : KUBE_INVALID;
}
