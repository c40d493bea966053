// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for libcuda.so.1, the driver interface of NVIDIA's GPUs, where
 * there is no GPU: it shows in which order and with which arguments the tool
 * calls it, and gives it memory that a NIC can reach.
 *
 * A kernel is not compiled: kernel.c does what the one that the tool has is to do.
 *
 * GPU memory is a udmabuf, or a bare memfd on hosts without /dev/udmabuf. Each
 * call is written down, in the file that CUDA_STANDIN_LOG names and for
 * standin_log(). What a driver would refuse, or might get wrong, is refused and
 * written down as a "violation": calls before cuInit or without a context,
 * ranges outside of an allocation, copies that no flush precedes, things that
 * are never released.
 *
 * CUDA_STANDIN_GPUS lists the GPUs' PCI addresses, and CUDA_STANDIN_FAIL names
 * a call and its result, such as cuMemAlloc_v2=2, and how often it succeeds
 * before, as in cuLaunchKernel=719@1. CUDA_STANDIN_PCIE_MAPPING is the result of
 * an export that asks for a mapping over PCIe. With CUDA_STANDIN_LOSES_WRITES=1
 * what other devices write never gets to the GPU; with CUDA_STANDIN_LIES=1 the
 * kernel finds what is not there.
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
	case INVALID_PTX:
		*text = "CUDA_ERROR_INVALID_PTX";
		return SUCCESS;
	case NOT_READY:
		*text = "CUDA_ERROR_NOT_READY";
		return SUCCESS;
	case LAUNCH_FAILED:
		*text = "CUDA_ERROR_LAUNCH_FAILED";
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
	if (standin.retained[device] == 1 && held())
		return violation(INVALID_CONTEXT, "something is left");
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
	int area = 0;

	note("cuMemAllocHost_v2 %zu\n", size);
	if (result)
		return result;
	while (area < HOST_AREAS && standin.host[area].bytes)
		area++;
	if (area == HOST_AREAS)
		return violation(OUT_OF_MEMORY, "too many allocations");
	*address = aligned_alloc(PAGE, (size + PAGE - 1) / PAGE * PAGE);
	if (!*address)
		return OUT_OF_MEMORY;
	memset(*address, 0xa5, size);
	standin.host[area].bytes = *address;
	standin.host[area].size = size;
	return SUCCESS;
}

int cuMemFreeHost(void *address)
{
	int result = begin_in_context(__func__);

	note("cuMemFreeHost\n");
	for (int area = 0; area < HOST_AREAS; area++) {
		if (!address || standin.host[area].bytes != address)
			continue;
		free(address);
		standin.host[area].bytes = NULL;
		return result;
	}
	return violation(INVALID_VALUE, "no such allocation");
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
	flushed = !result;
	return result;
}

int cuMemcpyDtoH_v2(void *to, unsigned long long from, size_t count)
{
	int result = begin_in_context(__func__);

	note("cuMemcpyDtoH_v2 %llu %zu\n", from - BASE, count);
	if (!in_memory(from, count) || !in_host(to, count))
		return violation(INVALID_VALUE, "outside of the allocation");
	if (lacks_flush())
		return violation(INVALID_VALUE, "no flush");
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

/* What a stream is to do; nothing if there are no pieces. */
struct stream {
	struct launch launch;
	bool asked;
};

static char module[1];

int cuModuleLoadDataEx(void **loaded, const void *image, unsigned int count, int *options,
		       void **values)
{
	int result = begin_in_context(__func__);
	char *log = NULL;
	size_t size = 0;

	note("cuModuleLoadDataEx\n");
	for (unsigned int option = 0; option < count; option++) {
		if (options[option] == JIT_ERROR_LOG)
			log = values[option];
		else if (options[option] == JIT_ERROR_LOG_SIZE)
			size = (size_t)values[option];
		else
			return violation(INVALID_VALUE, "no such option");
	}
	if (result) {
		if (log)
			snprintf(log, size, "ptxas error: line 1\nptxas fatal: so says the stand-in\n");
		return result;
	}
	if (!strstr(image, ".version") || !strstr(image, ".entry compare("))
		return violation(INVALID_PTX, "not the kernel");
	free(standin.image);
	standin.image = strdup(image);
	standin.modules++;
	*loaded = module;
	return SUCCESS;
}

int cuModuleUnload(void *unloaded)
{
	int result = begin_in_context(__func__);

	note("cuModuleUnload\n");
	if (unloaded != module || !standin.modules)
		return violation(INVALID_HANDLE, "no such module");
	standin.modules--;
	return result;
}

int cuModuleGetFunction(void **function, void *owner, const char *name)
{
	note("cuModuleGetFunction %s\n", name);
	if (owner != module || strcmp(name, "compare"))
		return violation(NOT_FOUND, "no such function");
	*function = module;
	return begin_in_context(__func__);
}

int cuStreamCreate(void **stream, unsigned int flags)
{
	int result = begin_in_context(__func__);

	note("cuStreamCreate %u\n", flags);
	if (result)
		return result;
	*stream = calloc(1, sizeof(struct stream));
	if (!*stream)
		return OUT_OF_MEMORY;
	standin.streams++;
	return SUCCESS;
}

int cuStreamDestroy_v2(void *stream)
{
	int result = begin_in_context(__func__);

	note("cuStreamDestroy_v2\n");
	free(stream);
	standin.streams--;
	return result;
}

int cuLaunchKernel(void *function, unsigned int grid_x, unsigned int grid_y, unsigned int grid_z,
		   unsigned int block_x, unsigned int block_y, unsigned int block_z,
		   unsigned int shared, void *stream, void **parameters, void **extra)
{
	int result = begin_in_context(__func__);
	struct launch *launch = &((struct stream *)stream)->launch;

	note("cuLaunchKernel %u\n", grid_x);
	if (function != module || !grid_x || grid_y != 1 || grid_z != 1 || block_x != 256 ||
	    block_y != 1 || block_z != 1 || shared || extra)
		return violation(INVALID_VALUE, "not the kernel's shape");
	if (launch->pieces)
		return violation(INVALID_VALUE, "nobody has waited for the launch before");
	if (result)
		return result;
	for (int parameter = 0; parameter < 3; parameter++)
		launch->addresses[parameter] = *(uint64_t *)parameters[parameter];
	launch->period = *(uint32_t *)parameters[3];
	memcpy(launch->words, parameters[4], sizeof(launch->words));
	launch->pieces = grid_x;
	return SUCCESS;
}

/* Nothing is done before somebody asks twice. */
int cuStreamQuery(void *handle)
{
	int result = begin_in_context(__func__);
	struct stream *stream = handle;

	if (result)
		return result;
	stream->asked = !stream->asked;
	if (stream->asked)
		return NOT_READY;
	if (stream->launch.pieces)
		result = run_kernel(&stream->launch);
	stream->launch.pieces = 0;
	return result;
}
