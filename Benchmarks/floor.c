// SPDX-License-Identifier: GPL-2.0-only
/*
 * usage: floor ADDRESS PORT [DMABUF PERIOD]
 *
 * Takes one connection on a queue that another process has bound, receives to its
 * end and returns each token: the least that receiving into device memory costs.
 * With the descriptor of the dma-buf that is bound, compares the payload with the
 * pattern of that period, too, by one memcmp a fragment: the least that validating
 * costs. Prints bytes, fragments, and calls of recvmsg.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "Bare/include/bare.h"

static char pattern[BARE_LARGEST + 256];

static void map(struct bare_receiver *receiver, const char *descriptor, const char *of_period)
{
	unsigned int period = atoi(of_period);
	off_t size;

	receiver->dmabuf = atoi(descriptor);
	receiver->period = period;
	if (period < 2 || period > 256)
		errx(2, "%s: no period", of_period);
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = i % period == period - 1 ? '\n' : i % period + 1;
	receiver->pattern = pattern;
	size = lseek(receiver->dmabuf, 0, SEEK_END);
	if (size < 0)
		err(1, "the length of dma-buf %s", descriptor);
	receiver->memory = mmap(NULL, size, PROT_READ, MAP_SHARED, receiver->dmabuf, 0);
	if (receiver->memory == MAP_FAILED)
		err(1, "mmap of dma-buf %s", descriptor);
}

static int accepted(const char *address, const char *port)
{
	struct sockaddr_in local = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };
	int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0), fd;

	if (inet_pton(AF_INET, address, &local.sin_addr) != 1)
		errx(2, "%s: no IPv4 address", address);
	if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(listener, (struct sockaddr *)&local, sizeof(local)) || listen(listener, 1))
		err(1, "%s port %s", address, port);
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		err(1, "accept");
	return fd;
}

int main(int argc, char **argv)
{
	struct bare_receiver receiver = { .dmabuf = -1, .output = -1 };

	if (argc != 3 && argc != 5)
		errx(2, "usage: floor ADDRESS PORT [DMABUF PERIOD]");
	if (argc == 5)
		map(&receiver, argv[3], argv[4]);
	receiver.socket = accepted(argv[1], argv[2]);
	errno = bare_receive(&receiver);
	if (errno)
		err(1, "receive after %lu bytes", receiver.bytes);
	printf("%lu %lu %lu\n", receiver.bytes, receiver.fragments, receiver.calls);
	return 0;
}
