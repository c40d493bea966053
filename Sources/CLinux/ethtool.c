// SPDX-License-Identifier: GPL-2.0-only
#include "ethtool.h"

#include <sys/ioctl.h>

int CLinux_ioctl_ethtool(int fd, int index, void *request)
{
	struct ifreq subject = { .ifr_ifindex = index };

	/* The request takes a name, which can change at any time. */
	if (ioctl(fd, SIOCGIFNAME, &subject) < 0)
		return -1;
	subject.ifr_data = request;
	return ioctl(fd, SIOCETHTOOL, &subject);
}
