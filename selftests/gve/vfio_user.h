/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bus: the device's end of the vfio-user protocol (QEMU's
 * docs/interop/vfio-user.rst), over a Unix socket. The machine at the other
 * end lends its memory, which is where DMA goes.
 */
#ifndef VFIO_USER_H
#define VFIO_USER_H

#include <stdbool.h>
#include <stdint.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define MAPPINGS 128
#define MAX_VECTORS 32

struct device;

struct mapping {
	uint64_t address, size;
	uint8_t *memory;
};

struct vfio_user {
	int listener;
	int socket;	/* -1 while there is no machine */
	uint8_t config[256];
	struct mapping mappings[MAPPINGS];
	int mapped;
	int eventfds[MAX_VECTORS];
};

void vfio_user_open(struct vfio_user *bus, int listener);
void vfio_user_accept(struct device *device);
void vfio_user_close(struct device *device);
bool vfio_user_serve(struct device *device);
void vfio_user_interrupt(struct vfio_user *bus, unsigned int vector);

/* `size` bytes of the machine's memory at `address`, or NULL. */
void *dma(struct vfio_user *bus, uint64_t address, uint64_t size);

#endif
