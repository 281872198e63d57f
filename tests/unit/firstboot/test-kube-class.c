#include "kube-class.h"
#include "test.h"

#include <curl/curl.h>

/* Bodies as a kube-apiserver of v1.35 writes them. */
static const struct {
	int status;
	const char *body;
	enum kube_class class;
} answers[] = {
	{ 200, "{}", KUBE_OK },
	{ 201, "{}", KUBE_OK },
	{ 404, "404 page not found\n", KUBE_NOT_SERVED },
	{ 404,
	  "{\"kind\":\"Status\",\"message\":\"the server could not find the requested resource\","
	  "\"reason\":\"NotFound\",\"code\":404}",
	  KUBE_NOT_SERVED },
	{ 404,
	  "{\"kind\":\"Status\",\"message\":\"namespaces \\\"argocd\\\" not "
	  "found\",\"reason\":\"NotFound\"}",
	  KUBE_NO_NAMESPACE },
	{ 404,
	  "{\"kind\":\"Status\",\"message\":\"pods \\\"x\\\" not found\",\"reason\":\"NotFound\"}",
	  KUBE_ABSENT },
	{ 409,
	  "{\"kind\":\"Status\",\"message\":\"Apply failed with 1 conflict: conflict with "
	  "\\\"kubectl\\\": .data.a\","
	  "\"reason\":\"Conflict\",\"details\":{\"causes\":[{\"reason\":\"FieldManagerConflict\"}]}"
	  "}",
	  KUBE_FIELD_CONFLICT },
	{ 409,
	  "{\"kind\":\"Status\",\"message\":\"Operation cannot be fulfilled on configmaps "
	  "\\\"x\\\": the object has been "
	  "modified; please apply your changes to the latest version and try "
	  "again\",\"reason\":\"Conflict\"}",
	  KUBE_CONFLICT },
	{ 409,
	  "{\"kind\":\"Status\",\"message\":\"jobs \\\"x\\\" already "
	  "exists\",\"reason\":\"AlreadyExists\"}",
	  KUBE_EXISTS },
	{ 409,
	  "{\"kind\":\"Status\",\"message\":\"object is being deleted: jobs \\\"x\\\" already "
	  "exists\","
	  "\"reason\":\"Conflict\"}",
	  KUBE_TERMINATING },
	{ 403,
	  "{\"kind\":\"Status\",\"message\":\"unable to create new content in namespace x because "
	  "it is being "
	  "terminated\",\"reason\":\"Forbidden\"}",
	  KUBE_TERMINATING },
	{ 403, "{\"kind\":\"Status\",\"message\":\"User cannot patch\",\"reason\":\"Forbidden\"}",
	  KUBE_AUTH },
	{ 401, "{\"kind\":\"Status\",\"message\":\"Unauthorized\",\"reason\":\"Unauthorized\"}",
	  KUBE_AUTH },
	{ 422,
	  "{\"kind\":\"Status\",\"message\":\"Job.batch \\\"x\\\" is invalid: spec.template: "
	  "Invalid value: field is "
	  "immutable\",\"reason\":\"Invalid\"}",
	  KUBE_IMMUTABLE },
	{ 422,
	  "{\"kind\":\"Status\",\"message\":\"spec.x: Required value\",\"reason\":\"Invalid\"}",
	  KUBE_INVALID },
	{ 400, "{\"kind\":\"Status\",\"message\":\"bad\",\"reason\":\"BadRequest\"}",
	  KUBE_INVALID },
	{ 413, "too large", KUBE_INVALID },
	{ 429,
	  "{\"kind\":\"Status\",\"message\":\"too many requests\",\"reason\":\"TooManyRequests\"}",
	  KUBE_RETRY },
	{ 500,
	  "{\"kind\":\"Status\",\"message\":\"Internal error occurred: failed calling webhook "
	  "\\\"webhook.cert-manager.io\\\"\",\"reason\":\"InternalError\"}",
	  KUBE_RETRY },
	{ 503, "apiserver is shutting down", KUBE_RETRY },
};

TEST(kube_class_of_answers)
{
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct kube_reply r = { .status = answers[i].status,
					.body = strdup(answers[i].body),
					.len = strlen(answers[i].body) };

		kube_reply_classify(&r);
		ASSERT_STR(kube_class_to_string(r.class), kube_class_to_string(answers[i].class));
		kube_reply_done(&r);
	}
}

TEST(kube_class_of_connections)
{
	static const struct {
		int curl;
		const char *text;
		enum kube_class class;
	} cases[] = {
		{ CURLE_COULDNT_CONNECT, "Connection refused", KUBE_RETRY },
		{ CURLE_PARTIAL_FILE, "transfer closed", KUBE_RETRY },
		{ CURLE_PEER_FAILED_VERIFICATION,
		  "SSL certificate problem: unable to get local issuer certificate",
		  KUBE_WRONG_CLUSTER },
		{ CURLE_PEER_FAILED_VERIFICATION,
		  "SSL certificate problem: certificate is not yet valid", KUBE_RETRY },
		{ CURLE_PEER_FAILED_VERIFICATION,
		  "SSL certificate problem: certificate has expired", KUBE_RETRY },
		{ CURLE_WRITE_ERROR, "the answer is larger than 10 bytes", KUBE_INVALID },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kube_reply r = { .curl = cases[i].curl };

		(void)snprintf(r.message, sizeof(r.message), "%s", cases[i].text);
		kube_reply_classify(&r);
		ASSERT_STR(kube_class_to_string(r.class), kube_class_to_string(cases[i].class));
		ASSERT_STR(r.message, cases[i].text);
	}
}

TEST(kube_class_keeps_reason_and_message_for_people)
{
	struct kube_reply r = { .status = answers[8].status,
				.body = strdup(answers[8].body),
				.len = strlen(answers[8].body) };

	kube_reply_classify(&r);
	ASSERT_STR(r.reason, "AlreadyExists");
	ASSERT_STR(r.message, "jobs \"x\" already exists");
	ASSERT(!kube_class_retries(r.class));
	ASSERT(kube_class_retries(KUBE_NOT_SERVED));
	kube_reply_done(&r);
}

TEST(kube_class_says_more_than_unauthorized)
{
	struct kube_reply r = {
		.status = 401,
		.body = strdup("{\"kind\":\"Status\",\"message\":\"Unauthorized\"}"),
	};

	r.len = strlen(r.body);
	kube_reply_classify(&r);
	ASSERT(strstr(r.message, "certificate"));
	ASSERT(strstr(r.message, "expired"));
	kube_reply_done(&r);
}
