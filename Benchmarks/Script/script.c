// SPDX-License-Identifier: GPL-2.0-only
#include "script.h"

#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../Sources/CLinux/include/devmem.h"

static int scripted = -1;
static const struct script_call *calls;
static size_t count, next, left, returned;

void script_begin(int socket, const struct script_call *of, size_t n, size_t total)
{
	scripted = socket;
	calls = of;
	count = n;
	left = total;
	next = 0;
	returned = 0;
}

size_t script_returned(void)
{
	return returned;
}

ssize_t recvmsg(int socket, struct msghdr *message, int flags)
{
	const struct script_call *call;

	if (socket != scripted || !(flags & MSG_SOCK_DEVMEM))
		return syscall(SYS_recvmsg, socket, message, flags);
	message->msg_flags = 0;
	message->msg_controllen = 0;
	if (!left)
		return 0;
	left--;
	call = &calls[next++];
	if (next == count)
		next = 0;
	memcpy(message->msg_control, call->control, call->length);
	message->msg_controllen = call->length;
	return call->bytes;
}

int setsockopt(int socket, int level, int option, const void *value, socklen_t length)
{
	const struct CLinux_dmabuf_token *ranges = value;
	size_t tokens = 0;

	if (socket != scripted)
		return syscall(SYS_setsockopt, socket, level, option, value, length);
	if (level != SOL_SOCKET || option != SO_DEVMEM_DONTNEED)
		return 0;
	for (size_t i = 0; i < length / sizeof(*ranges); i++)
		tokens += ranges[i].token_count;
	returned += tokens;
	return tokens;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;
	void *argument;

	if (request == DMA_BUF_IOCTL_SYNC)
		return 0;
	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	return syscall(SYS_ioctl, fd, request, argument);
}
