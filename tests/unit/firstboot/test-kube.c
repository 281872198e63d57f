#include "kube.h"
#include "test.h"

TEST(kube_knows_renewed_credentials)
{
	struct kube_cred cred = { .url = (char[]){ "https://127.0.0.1:6443" },
				  .ca_pem = (char[]){ "ca" },
				  .cert_pem = (char[]){ "cert" },
				  .key_pem = (char[]){ "key" } };
	cleanup_kube struct kube *k = NULL;
	struct err err = { 0 };

	ASSERT(kube_new(&cred, &k, &err) == 0);
	ASSERT(kube_has_cred(k, &cred));
	cred.cert_pem = (char[]){ "another" };
	ASSERT(!kube_has_cred(k, &cred));
	cred.cert_pem = NULL;
	ASSERT(!kube_has_cred(k, &cred));
	cred.cert_pem = (char[]){ "cert" };
	ASSERT(kube_has_cred(k, &cred));
	cred.ca_pem = (char[]){ "another" };
	ASSERT(!kube_has_cred(k, &cred));
}
