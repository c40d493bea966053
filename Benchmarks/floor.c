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
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../Sources/CLinux/include/devmem.h"

/* What one call of either kind takes (net/core/sock.c, sock_devmem_dontneed) */
#define RANGES 128
#define FRAGMENTS 1024

static char linear[4 << 20];
static char control[FRAGMENTS * CMSG_SPACE(sizeof(struct CLinux_dmabuf_cmsg))]
	__attribute__((aligned(8)));
static struct CLinux_dmabuf_token tokens[RANGES];
static unsigned int ranges;

/* The largest niov is 64 KiB, the longest period 256. */
static char pattern[(64 << 10) + 256];
static unsigned int period, phase;
static const char *memory;
static int dmabuf;

static void map(const char *descriptor, const char *of_period)
{
	off_t size;

	dmabuf = atoi(descriptor);
	period = atoi(of_period);
	if (period < 2 || period > 256)
		errx(2, "%s: no period", of_period);
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = i % period == period - 1 ? '\n' : i % period + 1;
	size = lseek(dmabuf, 0, SEEK_END);
	if (size < 0)
		err(1, "the length of dma-buf %d", dmabuf);
	memory = mmap(NULL, size, PROT_READ, MAP_SHARED, dmabuf, 0);
	if (memory == MAP_FAILED)
		err(1, "mmap of dma-buf %d", dmabuf);
}

static void sync_memory(uint64_t edge)
{
	struct dma_buf_sync sync = { edge | DMA_BUF_SYNC_READ };

	if (memory && ioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &sync) < 0)
		err(1, "DMA_BUF_IOCTL_SYNC");
}

static void check(const struct CLinux_dmabuf_cmsg *fragment)
{
	if (!memory)
		return;
	if (memcmp(memory + fragment->frag_offset, pattern + phase, fragment->frag_size))
		errx(1, "wrong payload at %llu of the dma-buf",
		     (unsigned long long)fragment->frag_offset);
	phase = (phase + fragment->frag_size) % period;
}

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

	if (argc != 3 && argc != 5)
		errx(2, "usage: floor ADDRESS PORT [DMABUF PERIOD]");
	if (argc == 5)
		map(argv[3], argv[4]);
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
		sync_memory(DMA_BUF_SYNC_START);
		for (head = CMSG_FIRSTHDR(&message); head; head = CMSG_NXTHDR(&message, head)) {
			struct CLinux_dmabuf_cmsg fragment;

			if (head->cmsg_type != SCM_DEVMEM_DMABUF)
				errx(1, "%zd bytes are not in device memory", count);
			memcpy(&fragment, CMSG_DATA(head), sizeof(fragment));
			check(&fragment);
			gather(fd, fragment.frag_token);
			fragments++;
		}
		sync_memory(DMA_BUF_SYNC_END);
		give_back(fd);
	}
	printf("%lu %lu %lu\n", bytes, fragments, calls);
	return 0;
}
