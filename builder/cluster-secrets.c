/* cluster-secrets - whether the secrets that cluster.yaml refers to can be resolved */
#include "diag.h"
#include "secrets.h"

#include <string.h>

/* Characters of the text that a person wrote, but for quotes. */
static unsigned int secret_width(const struct secret_ref *ref)
{
	const char *text = ref->kind == SECRET_COMMAND ? ref->argv[0] : ref->value;
	unsigned int width = 0;

	for (; text && *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width ? width : 1;
}

int cluster_check_secrets(const struct cluster *c, struct diag_list *diags, struct err *err)
{
	size_t before = diags->len;

	for (size_t i = 0; i < c->components_len; i++) {
		const struct component *comp = &c->components[i];

		for (size_t k = 0; k < comp->secrets_len; k++) {
			const struct secret_ref *ref = &comp->secrets[k].ref;
			struct err why = { 0 };

			if (secret_ref_check(c, ref, &why) < 0)
				diag_addf(diags, ref->pos.line, ref->pos.col, secret_width(ref),
					  "%s of %s: %s", comp->secrets[k].option, comp->name,
					  why.msg);
		}
	}
	if (diags->nomem)
		return err_nomem(err);
	diag_sort(diags);
	if (diags->len > before)
		return err_setf(err, -EINVAL, "%s has %zu mistake%s", c->path, diags->len,
				diags->len == 1 ? "" : "s");
	return 0;
}
