// SPDX-License-Identifier: GPL-2.0-only
/*
 * usage: floor ADDRESS PORT
 *
 * Takes one connection on a queue that somebody else has bound, receives to its
 * end and returns each token: the least that receiving into device memory costs.
 * Prints bytes, fragments, and calls of recvmsg.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../Sources/CLinux/include/devmem.h"

/* What one call of either kind takes (net/core/sock.c, sock_devmem_dontneed) */
#define RANGES 128
#define FRAGMENTS 1024

static char linear[4 << 20];
static char control[FRAGMENTS * CMSG_SPACE(sizeof(struct CLinux_dmabuf_cmsg))]
	__attribute__((aligned(8)));
static struct CLinux_dmabuf_token tokens[RANGES];
static unsigned int ranges;

static void give_back(int fd)
{
	if (ranges &&
	    setsockopt(fd, SOL_SOCKET, SO_DEVMEM_DONTNEED, tokens, ranges * sizeof(*tokens)) < 0)
		err(1, "SO_DEVMEM_DONTNEED");
	ranges = 0;
}

static void gather(int fd, uint32_t token)
{
	struct CLinux_dmabuf_token *last = &tokens[ranges - 1];

	if (ranges && token == last->token_start + last->token_count) {
		last->token_count++;
		return;
	}
	if (ranges == RANGES)
		give_back(fd);
	tokens[ranges++] = (struct CLinux_dmabuf_token){ token, 1 };
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
	unsigned long bytes = 0, fragments = 0, calls = 0;
	int fd;

	if (argc != 3)
		errx(2, "usage: floor ADDRESS PORT");
	fd = accepted(argv[1], argv[2]);
	while (1) {
		struct iovec vector = { linear, sizeof(linear) };
		struct msghdr message = {
			.msg_iov = &vector, .msg_iovlen = 1,
			.msg_control = control, .msg_controllen = sizeof(control),
		};
		ssize_t count = recvmsg(fd, &message, MSG_SOCK_DEVMEM);
		struct cmsghdr *head;

		if (count < 0)
			err(1, "recvmsg");
		if (!count)
			break;
		bytes += count;
		calls++;
		for (head = CMSG_FIRSTHDR(&message); head; head = CMSG_NXTHDR(&message, head)) {
			struct CLinux_dmabuf_cmsg fragment;

			if (head->cmsg_type != SCM_DEVMEM_DMABUF)
				errx(1, "%zd bytes are not in device memory", count);
			memcpy(&fragment, CMSG_DATA(head), sizeof(fragment));
			gather(fd, fragment.frag_token);
			fragments++;
		}
		give_back(fd);
	}
	printf("%lu %lu %lu\n", bytes, fragments, calls);
	return 0;
}
