#include "lint-dt.h"

#include "fdt.h"

#include <string.h>

/* What the root, or the stick of an installer, can hang on; by the first text that says so. */
static const char *const starts[] = {
	"brcm,bcm2712-sdhci", "brcm,sdhci-brcmstb",  "brcm,bcm2712-pcie",
	"snps,dwc3",	      "raspberrypi,rp1-gem", "brcm,genet",
};

/*
 * Properties that name suppliers, with the property of the supplier that says how many words
 * follow each (drivers/of/property.c, of_supplier_bindings). NULL: none.
 */
static const struct {
	const char *prefix, *suffix, *cells;
} bindings[] = {
	{ "clocks", "", "#clock-cells" },
	{ "assigned-clocks", "", "#clock-cells" },
	{ "interrupts-extended", "", "#interrupt-cells" },
	{ "interrupt-parent", "", NULL },
	{ "msi-parent", "", "#msi-cells" },
	{ "iommus", "", "#iommu-cells" },
	{ "mboxes", "", "#mbox-cells" },
	{ "power-domains", "", "#power-domain-cells" },
	{ "resets", "", "#reset-cells" },
	{ "phys", "", "#phy-cells" },
	{ "dmas", "", "#dma-cells" },
	{ "pwms", "", "#pwm-cells" },
	{ "nvmem", "", "#nvmem-cell-cells" },
	{ "mmc-pwrseq", "", NULL },
	{ "phy-handle", "", NULL },
	{ "firmware", "", NULL },
	{ "raspberrypi,firmware", "", NULL },
	{ "pinctrl-", "", NULL },
	{ "", "-supply", NULL },
	{ "", "-gpios", "#gpio-cells" },
	{ "", "-gpio", "#gpio-cells" },
	{ "gpios", "", "#gpio-cells" },
};

struct walk {
	const struct lint_dt_spec *spec;
	struct fdt f;
	int *from;  /* owned; the start for which a node is needed, -1: not needed */
	int *queue; /* owned */
	size_t head, tail, checked;
	struct buf *out;
};
static void walk_done(struct walk *w)
{
	free(w->from);
	free(w->queue);
	fdt_done(&w->f);
}
#define cleanup_walk CLEANUP(walk_done)

static void push(struct walk *w, int node, int start)
{
	if (node < 0 || w->from[node] >= 0)
		return;
	w->from[node] = start;
	w->queue[w->tail++] = node;
}

static bool names_suppliers(const char *prop, const char **ret_cells)
{
	size_t len = strlen(prop);

	for (size_t i = 0; i < ARRAY_SIZE(bindings); i++) {
		size_t pre = strlen(bindings[i].prefix), suf = strlen(bindings[i].suffix);
		bool open = suf == 0 && bindings[i].prefix[pre - 1] == '-';

		if (len < pre + suf || strncmp(prop, bindings[i].prefix, pre) != 0)
			continue;
		if (suf	   ? strcmp(prop + len - suf, bindings[i].suffix) == 0
		    : open ? strspn(prop + pre, "0123456789") == len - pre && len > pre
			   : len == pre) {
			*ret_cells = bindings[i].cells;
			return true;
		}
	}
	return false;
}

/* A node that is only a part of its supplier (pins, a GPIO hog) leads to it by its parents. */
static void push_suppliers(struct walk *w, int node)
{
	const struct fdt_node *n = &w->f.nodes[node];

	for (size_t i = n->first; i < n->first + n->count; i++) {
		const struct fdt_prop *p = &w->f.props[i];
		const char *cells;
		uint32_t phandle;

		if (!names_suppliers(p->name, &cells))
			continue;
		for (size_t at = 0; fdt_cell(p, at, &phandle); at++) {
			int supplier = fdt_by_phandle(&w->f, phandle);

			push(w, supplier, w->from[node]);
			if (cells && supplier >= 0)
				at += fdt_u32(&w->f, supplier, cells, 0);
		}
	}
	push(w, n->parent, w->from[node]);
	for (int up = node; up >= 0; up = w->f.nodes[up].parent) {
		uint32_t phandle = fdt_u32(&w->f, up, "interrupt-parent", 0);

		if (phandle) { /* inherited from above */
			push(w, fdt_by_phandle(&w->f, phandle), w->from[node]);
			break;
		}
	}
}

/* As in a path: name without folder and suffix, "-" and "_" alike. */
static bool same_module(const char *a, const char *b)
{
	const char *sa = strrchr(a, '/'), *sb = strrchr(b, '/');
	const char *ea, *eb;

	a = sa ? sa + 1 : a;
	b = sb ? sb + 1 : b;
	ea = strstr(a, ".ko") ?: a + strlen(a);
	eb = strstr(b, ".ko") ?: b + strlen(b);
	if (ea - a != eb - b)
		return false;
	for (; a < ea; a++, b++)
		if (*a != *b && !((*a == '-' || *a == '_') && (*b == '-' || *b == '_')))
			return false;
	return true;
}

static bool in_initrd(const struct lint_dt_spec *spec, const char *module)
{
	for (size_t i = 0; i < spec->initrd_len; i++)
		if (same_module(spec->initrd[i], module))
			return true;
	return false;
}

static size_t base_name(const char *module, const char **ret)
{
	*ret = strrchr(module, '/') ? strrchr(module, '/') + 1 : module;
	return (size_t)((strstr(*ret, ".ko") ?: *ret + strlen(*ret)) - *ret);
}

static void report(struct walk *w, int node, const char *compatible, const char *module)
{
	char path[1024], start[1024];
	const char *base;
	size_t len = base_name(module, &base);

	(void)buf_addf(w->out, "%s (%s) needs module '%.*s', for %s\n",
		       fdt_path(&w->f, node, path, sizeof(path)), compatible, (int)len, base,
		       fdt_path(&w->f, w->from[node], start, sizeof(start)));
}

/* Up to four digits, already known to be such. */
static unsigned int hex_number(const char *digits, size_t len)
{
	unsigned int n = 0;

	for (size_t i = 0; i < len; i++)
		n = n * 16 +
		    (unsigned int)(digits[i] <= '9' ? digits[i] - '0' : digits[i] - 'a' + 10);
	return n;
}

/* "pci1de4,1", the name of a PCI device, is taken by its driver's PCI numbers. */
static bool pci_alias(const char *compatible, char *dst, size_t size)
{
	size_t v, d;

	if (strncmp(compatible, "pci", 3) != 0)
		return false;
	v = strspn(compatible + 3, "0123456789abcdef");
	if (v == 0 || v > 4 || compatible[3 + v] != ',')
		return false;
	d = strspn(compatible + 4 + v, "0123456789abcdef");
	if (d == 0 || d > 4 || compatible[4 + v + d])
		return false;
	(void)snprintf(dst, size, "pci:v%08Xd%08Xsv00000000sd00000000bc00sc00i00",
		       hex_number(compatible + 3, v), hex_number(compatible + 4 + v, d));
	return true;
}

/* The line of a text of drivers that begins with a word; NULL: none. */
static const char *driver_line(const char *drivers, const char *compatible)
{
	size_t len = strlen(compatible);

	for (const char *p = drivers; p && *p; p += strcspn(p, "\n"), p += *p == '\n')
		if (strncmp(p, compatible, len) == 0 && (p[len] == ' ' || p[len] == '\n'))
			return p;
	return NULL;
}

static int drivers_by_text(const char *drivers, const char *compatible, struct modules_list *ret,
			   struct err *err)
{
	const char *line = driver_line(drivers, compatible);

	if (!line)
		return -ENOENT;
	for (const char *p = line + strlen(compatible); *p == ' ';) {
		size_t len = strcspn(++p, " \n");
		char **grown = reallocarray(ret->items, ret->len + 1, sizeof(*grown));

		if (!grown)
			return err_nomem(err);
		ret->items = grown;
		ret->items[ret->len] = strndup(p, len);
		if (!ret->items[ret->len])
			return err_nomem(err);
		ret->len++;
		p += len;
	}
	return 0;
}

static void record(struct buf *to, const char *compatible, const struct modules_list *need)
{
	const char *name;

	if (driver_line(buf_str(to), compatible))
		return;
	(void)buf_adds(to, compatible);
	for (size_t i = 0; i < need->len; i++) {
		size_t len = base_name(need->items[i], &name);

		(void)buf_addf(to, " %.*s", (int)len, name);
	}
	(void)buf_addc(to, '\n');
}

/* -ENOENT: this kernel has none. */
static int find_drivers(const struct walk *w, const char *compatible, struct modules_list *ret,
			struct err *err)
{
	char alias[512], *name = alias;
	int r;

	if (!w->spec->modules)
		return drivers_by_text(w->spec->drivers, compatible, ret, err);
	/* as the kernel's modalias: the node's name and type do not matter to any driver here */
	if (!pci_alias(compatible, alias, sizeof(alias)))
		(void)snprintf(alias, sizeof(alias), "of:NxT(null)C%s", compatible);
	r = modules_resolve(w->spec->modules, &name, 1, ret, NULL, err);
	if (r >= 0 && w->spec->ret_drivers)
		record(w->spec->ret_drivers, compatible, ret);
	return r;
}

/* One compatible text: 1 if this kernel has a driver for it, whose parts are all there or reported.
 */
static int check_compatible(struct walk *w, int node, const char *compatible, struct err *err)
{
	cleanup_modules_list struct modules_list need = { 0 };
	struct err own = { 0 };
	int r = find_drivers(w, compatible, &need, &own);

	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		*err = own;
		return r;
	}
	for (size_t i = 0; i < need.len; i++)
		if (!in_initrd(w->spec, need.items[i]))
			report(w, node, compatible, need.items[i]);
	return 1;
}

static int check_node(struct walk *w, int node, struct err *err)
{
	const struct fdt_prop *p = fdt_prop(&w->f, node, "compatible");

	for (const char *s = p && node ? fdt_next_string(p, NULL) : NULL; s;
	     s = fdt_next_string(p, s)) {
		int r = check_compatible(w, node, s, err);

		if (r < 0)
			return r;
		if (r > 0) { /* the most specific driver is the one that will take it */
			w->checked++;
			return 0;
		}
	}
	return 0;
}

static void push_starts(struct walk *w)
{
	for (size_t i = 0; i < w->f.nodes_len; i++)
		for (size_t s = 0; s < ARRAY_SIZE(starts); s++)
			if (fdt_is_compatible(&w->f, (int)i, starts[s]) &&
			    fdt_is_enabled(&w->f, (int)i))
				push(w, (int)i, (int)i);
}

int lint_dt(const struct lint_dt_spec *spec, struct buf *ret, size_t *ret_checked, struct err *err)
{
	cleanup_walk struct walk w = { .spec = spec, .out = ret };
	int r;

	r = fdt_open(spec->dtb, spec->dtb_len, &w.f, err);
	if (r < 0)
		return r;
	w.from = calloc(w.f.nodes_len, sizeof(*w.from));
	w.queue = calloc(w.f.nodes_len, sizeof(*w.queue));
	if (!w.from || !w.queue)
		return err_nomem(err);
	for (size_t i = 0; i < w.f.nodes_len; i++)
		w.from[i] = -1;
	push_starts(&w);
	if (!w.tail)
		return err_setf(err, -ENOENT,
				"the device tree has no enabled SD, PCIe, USB or Ethernet node "
				"that is known");
	while (w.head < w.tail) {
		int node = w.queue[w.head++];

		if (!fdt_is_enabled(&w.f, node))
			continue; /* Linux does not wait for what is disabled */
		r = check_node(&w, node, err);
		if (r < 0)
			return r;
		push_suppliers(&w, node);
	}
	r = buf_error(ret);
	if (r >= 0 && spec->ret_drivers)
		r = buf_error(spec->ret_drivers);
	if (r < 0)
		return err_errnof(err, r, "cannot list what the device tree needs");
	*ret_checked = w.checked;
	return 0;
}
