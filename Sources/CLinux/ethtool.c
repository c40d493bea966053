// SPDX-License-Identifier: GPL-2.0-only
#include "ethtool.h"

#include <string.h>
#include <sys/ioctl.h>

int CLinux_ioctl_ethtool(int fd, const char *interface, void *request)
{
	struct ifreq subject = { .ifr_data = request };

	strncpy(subject.ifr_name, interface, IFNAMSIZ - 1);
	return ioctl(fd, SIOCETHTOOL, &subject);
}
