/*
 * status-show - what status-ask.h heard, for people and for programs
 *
 * On a terminal a picture that is drawn over itself, a line a node and a line a component
 * that is not ready; in a pipe a line for each change. Texts of nodes are shown without
 * control characters.
 */
#pragma once

#include "status-ask.h"

#include <stdbool.h>

struct status_show {
	FILE *out; /* borrowed */
	bool terminal;
	uint64_t started_ms;
	unsigned int lines; /* of the picture that stands there */
	char **last;	    /* owned: a line a thing, as it was told last */
	size_t last_len;
};
void status_show_init(struct status_show *s, FILE *out);
void status_show_done(struct status_show *s);
#define cleanup_status_show CLEANUP(status_show_done)

/* The picture, or the lines that are news. */
int status_show_progress(struct status_show *s, const struct status_ask *a,
			 struct err *err) MUST_CHECK;
/* All steps and components, once. */
void status_show_table(FILE *out, const struct status_ask *a);
/* {"up", "nodes": [{"node", "source", "problem", "status"}], "api", "fsid"}, one line or many. */
int status_show_json(FILE *out, const struct status_ask *a, bool pretty,
		     struct err *err) MUST_CHECK;
/* "1 of 2 nodes is up" */
void status_show_summary(const struct status_ask *a, char *dst, size_t size);
