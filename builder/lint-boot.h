/*
 * lint-boot - what only real firmware would find wrong with a boot partition
 *
 * QEMU starts a Pi's kernel itself and its OVMF forgives much; these rules stand in for
 * the Pi's EEPROM and a PC's firmware. Each has an id, the kinds of board it is for and
 * its source. bake runs all of them on every base image; `kiln inspect --lint` on any.
 *
 * Ownership: the image is borrowed; a report owns its findings (lint_report_done()).
 * Errors: lint_run() fails only when it cannot look; findings are its result.
 */
#pragma once

#include "board.h"
#include "boot.h"
#include "boot-read.h"
#include "buf.h"
#include "fat.h"
#include "gpt.h"

struct lint_image {
	enum boot_kind kind;
	int fd; /* of the image */
	const struct gpt_table *gpt;
	const struct fat *fat;	/* of the first partition */
	bool started;		/* start is there; else why_not says what is wrong */
	struct boot_read start; /* owned by lint_run() */
	char why_not[512];
};
enum lint_kinds { LINT_RPI = 1 << BOOT_RPI, LINT_UEFI = 1 << BOOT_UEFI };
struct lint_rule {
	const char *id;
	unsigned int kinds; /* enum lint_kinds */
	const char *source;
	/* 0: holds; -EBADMSG: err says what is wrong; other errors stop the run. */
	int (*check)(const struct lint_image *i, struct err *err);
};
/* The tables end with an id of NULL. */
extern const struct lint_rule lint_rules_disk[], lint_rules_rpi[], lint_rules_uefi[];

struct lint_finding {
	const struct lint_rule *rule;
	char *text; /* owned */
};
struct lint_report {
	struct lint_finding *items; /* owned */
	size_t len, checked;
};
void lint_report_done(struct lint_report *r);
#define cleanup_lint_report CLEANUP(lint_report_done)

int lint_run(int fd, const char *path, enum boot_kind kind, struct lint_report *ret,
	     struct err *err) MUST_CHECK;
/* -EBADMSG with all findings in one text when there are any. */
int lint_require(int fd, const char *path, enum boot_kind kind, struct err *err) MUST_CHECK;

/* For the rules: -EBADMSG with a text. */
#define LINT_BAD(err, ...) err_setf(err, -EBADMSG, __VA_ARGS__)
/* A PE program for x86-64 with a certificate; -EBADMSG says what is wrong. */
int lint_signed_pe(const struct lint_image *i, const char *path, struct err *err) MUST_CHECK;

/* What the Pi's device trees need: written by bake from the root's kernel, read by the rule. */
#define LINT_DRIVERS "kiln/drivers"
int lint_drivers_stage(const struct boot_spec *spec, int root_fd, const char *dir,
		       struct err *err) MUST_CHECK;
int lint_suppliers(const struct lint_image *i, struct err *err) MUST_CHECK;
