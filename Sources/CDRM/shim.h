/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The types of libdrm and of its functions. The library is opened at run time:
 * nothing here is linked.
 */
#include <fcntl.h>
#include <xf86drm.h>

typedef __typeof__(drmGetVersion) *CDRM_drmGetVersion;
typedef __typeof__(drmFreeVersion) *CDRM_drmFreeVersion;
typedef __typeof__(drmGetCap) *CDRM_drmGetCap;
typedef __typeof__(drmIoctl) *CDRM_drmIoctl;
typedef __typeof__(drmPrimeHandleToFD) *CDRM_drmPrimeHandleToFD;

static const unsigned long CDRM_IOCTL_MODE_CREATE_DUMB = DRM_IOCTL_MODE_CREATE_DUMB;
static const unsigned long CDRM_IOCTL_MODE_DESTROY_DUMB = DRM_IOCTL_MODE_DESTROY_DUMB;
static const uint32_t CDRM_EXPORT_FLAGS = DRM_CLOEXEC | DRM_RDWR;
