/*
 * qemu - the command line of a virtual machine that boots a node's image
 *
 * UEFI boards: OVMF with Secure Boot and Microsoft's keys. Raspberry Pi: QEMU has none, so
 * its part is played here: config.txt is read from the image's FAT, the kernel, initrd and
 * command line it names go to the machine "virt". The image is never written: the disk is
 * a qcow2 on top of it.
 *
 * Units: bytes. Ownership: a qemu owns its strings and its temporary folder; the spec is
 * borrowed. Errors name the missing program, firmware or file.
 */
#pragma once

#include "board.h"
#include "cluster.h"
#include "tempfile.h"

#define QEMU_ARGS_MAX 128
#define QEMU_EXTRA_MAX 8

enum qemu_bus { QEMU_NVME, QEMU_SATA, QEMU_USB, QEMU_SD, QEMU_VIRTIO };
int qemu_bus_from_string(const char *s) MUST_CHECK; /* -EINVAL: none of them */

struct qemu_spec {
	const struct cluster *cluster;
	const struct node *node;
	const struct board *board;
	const char *image;
	const char *overlay; /* qcow2 to use, made if missing; NULL: one that is gone afterwards */
	uint64_t disk_bytes; /* 0: as large as a node's disk usually is, 32 GiB */
	uint64_t memory_bytes; /* 0: the board's */
	unsigned int cpus;
	enum qemu_bus bus;
	unsigned int ssh_port; /* on 127.0.0.1 */
	bool kvm;
	const char *disks[QEMU_EXTRA_MAX]; /* raw files: further disks, NVMe; serial kilnN */
	size_t disks_len;
	const char *segments[QEMU_EXTRA_MAX]; /* sockets of -netdev stream: further NICs */
	size_t segments_len;
	const char *append;   /* words for the kernel; Pi only */
	const char *pid_file; /* NULL: none */
	const char *serial;   /* file for the console; NULL: the terminal */
};
struct qemu {
	const char *argv[QEMU_ARGS_MAX]; /* NULL-terminated */
	char *owned[QEMU_ARGS_MAX];	 /* owned texts in argv */
	size_t argc, owned_len;
	struct tempfile *dir; /* owned; overlay, variables of the firmware, kernel */
};
int qemu_init(struct qemu *q, const struct qemu_spec *spec, struct err *err) MUST_CHECK;
void qemu_done(struct qemu *q);
#define cleanup_qemu CLEANUP(qemu_done)
