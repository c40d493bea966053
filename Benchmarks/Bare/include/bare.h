/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A bare receiver of device memory: the least that receiving costs.
 */
#ifndef BARE_H
#define BARE_H

#include <stddef.h>
#include <stdint.h>

/* What one return of tokens takes (net/core/sock.c, sock_devmem_dontneed) */
#define BARE_RANGES 128
#define BARE_FRAGMENTS 1024

/* The largest niov is 64 KiB, the longest period 256. */
#define BARE_LARGEST (64 << 10)

struct bare_receiver {
	/* The connection */
	int socket;
	/* The dma-buf, for its cache; -1 for none */
	int dmabuf;
	/* Where it is mapped; NULL to look at nothing */
	const char *memory;
	/* The pattern of a period, BARE_LARGEST + period bytes of it */
	const char *pattern;
	unsigned int period;
	/* Where the payload is written to; -1 for nowhere */
	int output;

	unsigned long bytes, fragments, calls;
};

/*
 * Receives to the end and returns each token. Returns 0, or an errno; EBADMSG for
 * bytes that are not the pattern, or not in device memory.
 */
int bare_receive(struct bare_receiver *receiver);

#endif
