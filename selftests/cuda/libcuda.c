// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for libcuda.so.1, the driver interface of NVIDIA's GPUs, where
 * there is no GPU: it shows in which order and with which arguments the tool
 * calls it, and gives it memory that a NIC can reach.
 *
 * GPU memory is a udmabuf, or a bare memfd on hosts without /dev/udmabuf. Each
 * call is written down, in the file that CUDA_STANDIN_LOG names and for
 * standin_log(). What a driver would refuse, or might get wrong, is refused and
 * written down as a "violation": calls before cuInit or without a context,
 * ranges outside of an allocation, copies that no flush precedes, things that
 * are never released.
 *
 * CUDA_STANDIN_GPUS lists the GPUs' PCI addresses, and CUDA_STANDIN_FAIL names
 * a call and its result, such as cuMemAlloc_v2=2. CUDA_STANDIN_PCIE_MAPPING is
 * the result of an export that asks for a mapping over PCIe. With
 * CUDA_STANDIN_LOSES_WRITES=1 what other devices write never gets to the GPU.
 */
#define _GNU_SOURCE
#include "standin.h"

#include <fcntl.h>
#include <linux/udmabuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

int cuGetErrorName(int error, const char **text)
{
	switch (error) {
	case OUT_OF_MEMORY:
		*text = "CUDA_ERROR_OUT_OF_MEMORY";
		return SUCCESS;
	case NO_DEVICE:
		*text = "CUDA_ERROR_NO_DEVICE";
		return SUCCESS;
	case INVALID_VALUE:
		*text = "CUDA_ERROR_INVALID_VALUE";
		return SUCCESS;
	case NOT_SUPPORTED:
		*text = "CUDA_ERROR_NOT_SUPPORTED";
		return SUCCESS;
	}
	*text = NULL;
	return INVALID_VALUE;
}

int cuGetErrorString(int error, const char **text)
{
	int result = cuGetErrorName(error, text);

	if (!result)
		*text = "so says the stand-in";
	return result;
}

int cuInit(unsigned int flags)
{
	note("cuInit %u\n", flags);
	if (!strcmp(standin.failing, __func__))
		return standin.failure;
	if (flags)
		return violation(INVALID_VALUE, "flags");
	standin.initialized = true;
	return standin.gpus ? SUCCESS : NO_DEVICE;
}

int cuDeviceGetCount(int *count)
{
	note("cuDeviceGetCount\n");
	*count = standin.gpus;
	return begin(__func__);
}

int cuDeviceGet(int *device, int ordinal)
{
	note("cuDeviceGet %d\n", ordinal);
	if (!has_device(ordinal))
		return violation(INVALID_DEVICE, "no such device");
	*device = ordinal;
	return begin(__func__);
}

int cuDeviceGetName(char *text, int size, int device)
{
	note("cuDeviceGetName %d\n", device);
	if (!has_device(device) || snprintf(text, size, "Stand-in %d", device) >= size)
		return violation(INVALID_VALUE, "no such device, or too little room");
	return begin(__func__);
}

int cuDeviceGetPCIBusId(char *text, int size, int device)
{
	note("cuDeviceGetPCIBusId %d\n", device);
	if (!has_device(device) || snprintf(text, size, "%s", standin.addresses[device]) >= size)
		return violation(INVALID_VALUE, "no such device, or too little room");
	return begin(__func__);
}

int cuDeviceTotalMem_v2(size_t *bytes, int device)
{
	note("cuDeviceTotalMem_v2 %d\n", device);
	*bytes = 1ull << 30;
	return has_device(device) ? begin(__func__) : INVALID_DEVICE;
}

int cuDeviceGetAttribute(int *value, int attribute, int device)
{
	note("cuDeviceGetAttribute %d of %d\n", attribute, device);
	if (!has_device(device) || attribute < 0 || attribute > 255)
		return violation(INVALID_VALUE, "no such device or attribute");
	*value = standin.attributes[attribute];
	return begin(__func__);
}

int cuDevicePrimaryCtxRetain(void **context, int device)
{
	int result = begin(__func__);

	note("cuDevicePrimaryCtxRetain %d\n", device);
	if (!has_device(device))
		return violation(INVALID_DEVICE, "no such device");
	if (!result) {
		*context = &standin.retained[device];
		standin.retained[device]++;
	}
	return result;
}

int cuDevicePrimaryCtxRelease_v2(int device)
{
	note("cuDevicePrimaryCtxRelease_v2 %d\n", device);
	if (!has_device(device) || !standin.retained[device])
		return violation(INVALID_CONTEXT, "not retained");
	if (standin.retained[device] == 1 && (standin.memory.bytes || standin.host.bytes))
		return violation(INVALID_CONTEXT, "memory is left");
	standin.retained[device]--;
	return begin(__func__);
}

int cuCtxSetCurrent(void *context)
{
	int result = begin(__func__);

	current = (int *)context - standin.retained;
	if (!has_device(current) || !standin.retained[current]) {
		current = -1;
		return violation(INVALID_CONTEXT, "no such context");
	}
	return result;
}

int cuCtxSynchronize(void)
{
	note("cuCtxSynchronize\n");
	return begin_in_context(__func__);
}

int cuMemAlloc_v2(unsigned long long *address, size_t size)
{
	int result = begin_in_context(__func__);
	int fd;

	note("cuMemAlloc_v2 %zu\n", size);
	if (result)
		return result;
	if (standin.memory.bytes)
		return violation(OUT_OF_MEMORY, "the one allocation is made");
	fd = memfd_create("gpu", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, size) || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK))
		return OUT_OF_MEMORY;
	standin.memory.bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (standin.memory.bytes == MAP_FAILED) {
		standin.memory.bytes = NULL;
		close(fd);
		return OUT_OF_MEMORY;
	}
	standin.memory.size = size;
	standin.memory.memfd = fd;
	/* What somebody else left there. */
	memset(standin.memory.bytes, 0x5a, size);
	*address = BASE;
	return SUCCESS;
}

int cuMemFree_v2(unsigned long long address)
{
	int result = begin_in_context(__func__);

	note("cuMemFree_v2\n");
	if (!standin.memory.bytes || address != BASE)
		return violation(INVALID_VALUE, "no such allocation");
	munmap(standin.memory.bytes, standin.memory.size);
	close(standin.memory.memfd);
	standin.memory.bytes = NULL;
	return result;
}

int cuMemAllocHost_v2(void **address, size_t size)
{
	int result = begin_in_context(__func__);

	note("cuMemAllocHost_v2 %zu\n", size);
	if (result)
		return result;
	if (standin.host.bytes)
		return violation(OUT_OF_MEMORY, "the one allocation is made");
	standin.host.bytes = malloc(size);
	if (!standin.host.bytes)
		return OUT_OF_MEMORY;
	memset(standin.host.bytes, 0xa5, size);
	standin.host.size = size;
	*address = standin.host.bytes;
	return SUCCESS;
}

int cuMemFreeHost(void *address)
{
	int result = begin_in_context(__func__);

	note("cuMemFreeHost\n");
	if (!standin.host.bytes || address != standin.host.bytes)
		return violation(INVALID_VALUE, "no such allocation");
	free(standin.host.bytes);
	standin.host.bytes = NULL;
	return result;
}

int cuPointerSetAttribute(const void *value, int attribute, unsigned long long address)
{
	int result = begin_in_context(__func__);

	note("cuPointerSetAttribute %d = %d\n", attribute, *(const int *)value);
	if (!in_memory(address, 1))
		return violation(INVALID_VALUE, "no such allocation");
	return result;
}

int cuMemsetD8_v2(unsigned long long address, unsigned char value, size_t count)
{
	int result = begin_in_context(__func__);

	note("cuMemsetD8_v2 %llu %d %zu\n", address - BASE, value, count);
	if (!in_memory(address, count))
		return violation(INVALID_VALUE, "outside of the allocation");
	if (!result)
		memset(standin.memory.bytes + (address - BASE), value, count);
	return result;
}

int cuFlushGPUDirectRDMAWrites(int target, int scope)
{
	int result = begin_in_context(__func__);

	note("cuFlushGPUDirectRDMAWrites %d %d\n", target, scope);
	standin.flushed = !result;
	return result;
}

int cuMemcpyDtoH_v2(void *to, unsigned long long from, size_t count)
{
	int result = begin_in_context(__func__);

	note("cuMemcpyDtoH_v2 %llu %zu\n", from - BASE, count);
	if (!in_memory(from, count) || !in_host(to, count))
		return violation(INVALID_VALUE, "outside of the allocation");
	if (standin.attributes[FLUSH_OPTIONS] && standin.attributes[WRITES_ORDERING] < 100 && !standin.flushed)
		return violation(INVALID_VALUE, "no flush");
	standin.flushed = false;
	if (!result)
		memcpy(to, standin.memory.bytes + (from - BASE), count);
	return result;
}

int cuMemcpyHtoD_v2(unsigned long long to, const void *from, size_t count)
{
	int result = begin_in_context(__func__);

	note("cuMemcpyHtoD_v2 %llu %zu\n", to - BASE, count);
	if (!in_memory(to, count) || !in_host(from, count))
		return violation(INVALID_VALUE, "outside of the allocation");
	if (!result)
		memcpy(standin.memory.bytes + (to - BASE), from, count);
	return result;
}

int cuMemGetHandleForAddressRange(void *handle, unsigned long long address, size_t size,
				  int type, unsigned long long flags)
{
	int result = begin_in_context(__func__);
	struct udmabuf_create request = { .memfd = standin.memory.memfd, .size = size };
	int elsewhere = -1;
	int driver, fd;

	note("cuMemGetHandleForAddressRange %llu %zu %d %llu\n", address - BASE, size, type, flags);
	if (!in_memory(address, size) || address % PAGE || !size || size % PAGE)
		return violation(INVALID_VALUE, "not whole pages of the allocation");
	if (type != 1 || (flags && flags != MAPPING_TYPE_PCIE))
		return violation(INVALID_VALUE, "not a dma-buf");
	if (result)
		return result;
	if (flags && standin.pcie_mapping)
		return standin.pcie_mapping;
	request.offset = address - BASE;
	if (standin.loses_writes) {
		elsewhere = memfd_create("elsewhere", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		if (elsewhere < 0 || ftruncate(elsewhere, size) ||
		    fcntl(elsewhere, F_ADD_SEALS, F_SEAL_SHRINK))
			return OUT_OF_MEMORY;
		request.memfd = elsewhere;
		request.offset = 0;
	}
	driver = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	fd = driver < 0 ? dup(request.memfd) : ioctl(driver, UDMABUF_CREATE, &request);
	if (driver >= 0)
		close(driver);
	if (elsewhere >= 0)
		close(elsewhere);
	*(int *)handle = fd;
	return fd < 0 ? OUT_OF_MEMORY : SUCCESS;
}
