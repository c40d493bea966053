// SPDX-License-Identifier: GPL-2.0-only
#include "bare.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "../../Sources/CLinux/include/devmem.h"

static char linear[4 << 20];
static char control[BARE_FRAGMENTS * CMSG_SPACE(sizeof(struct CLinux_dmabuf_cmsg))]
	__attribute__((aligned(8)));
static struct CLinux_dmabuf_token tokens[BARE_RANGES];
static unsigned int ranges;
static struct iovec pieces[BARE_FRAGMENTS];
static unsigned int count_of_pieces;
static unsigned int phase;

static int sync_memory(const struct bare_receiver *receiver, uint64_t edge)
{
	struct dma_buf_sync sync = { edge | DMA_BUF_SYNC_READ };

	if (!receiver->memory)
		return 0;
	return ioctl(receiver->dmabuf, DMA_BUF_IOCTL_SYNC, &sync) < 0 ? errno : 0;
}

static int give_back(int socket)
{
	if (ranges && setsockopt(socket, SOL_SOCKET, SO_DEVMEM_DONTNEED, tokens,
				 ranges * sizeof(*tokens)) < 0)
		return errno;
	ranges = 0;
	return 0;
}

static int write_pieces(const struct bare_receiver *receiver)
{
	ssize_t length = 0, written;

	if (receiver->output < 0)
		return 0;
	for (unsigned int i = 0; i < count_of_pieces; i++)
		length += pieces[i].iov_len;
	written = writev(receiver->output, pieces, count_of_pieces);
	count_of_pieces = 0;
	return written == length ? 0 : EIO;
}

static int look(const struct bare_receiver *receiver, const struct CLinux_dmabuf_cmsg *fragment)
{
	const char *bytes = receiver->memory + fragment->frag_offset;

	if (receiver->output >= 0) {
		pieces[count_of_pieces++] = (struct iovec){ (void *)bytes, fragment->frag_size };
		return 0;
	}
	if (memcmp(bytes, receiver->pattern + phase, fragment->frag_size))
		return EBADMSG;
	phase = (phase + fragment->frag_size) % receiver->period;
	return 0;
}

static int gather(const struct bare_receiver *receiver, uint32_t token)
{
	struct CLinux_dmabuf_token *last = &tokens[ranges - 1];
	int error;

	if (ranges && token == last->token_start + last->token_count) {
		last->token_count++;
		return 0;
	}
	if (ranges == BARE_RANGES) {
		/* What is given back may be overwritten. */
		error = write_pieces(receiver);
		if (!error)
			error = give_back(receiver->socket);
		if (error)
			return error;
	}
	tokens[ranges++] = (struct CLinux_dmabuf_token){ token, 1 };
	return 0;
}

static int take(struct bare_receiver *receiver, struct msghdr *message)
{
	struct cmsghdr *head;
	int error = 0;

	for (head = CMSG_FIRSTHDR(message); head && !error; head = CMSG_NXTHDR(message, head)) {
		struct CLinux_dmabuf_cmsg fragment;

		if (head->cmsg_type != SCM_DEVMEM_DMABUF)
			return EBADMSG;
		memcpy(&fragment, CMSG_DATA(head), sizeof(fragment));
		error = gather(receiver, fragment.frag_token);
		if (!error && receiver->memory)
			error = look(receiver, &fragment);
		receiver->fragments++;
	}
	return error;
}

int bare_receive(struct bare_receiver *receiver)
{
	int error;

	phase = 0;
	for (;;) {
		struct iovec vector = { linear, sizeof(linear) };
		struct msghdr message = {
			.msg_iov = &vector, .msg_iovlen = 1,
			.msg_control = control, .msg_controllen = sizeof(control),
		};
		ssize_t count = recvmsg(receiver->socket, &message, MSG_SOCK_DEVMEM);

		if (count <= 0)
			return count < 0 ? errno : 0;
		receiver->bytes += count;
		receiver->calls++;
		error = sync_memory(receiver, DMA_BUF_SYNC_START);
		if (!error)
			error = take(receiver, &message);
		if (!error)
			error = write_pieces(receiver);
		if (!error)
			error = sync_memory(receiver, DMA_BUF_SYNC_END);
		if (!error)
			error = give_back(receiver->socket);
		if (error)
			return error;
	}
}
