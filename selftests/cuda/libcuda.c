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
 * a call and its result, such as cuMemAlloc_v2=2.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	SUCCESS = 0,
	INVALID_VALUE = 1,
	OUT_OF_MEMORY = 2,
	NOT_INITIALIZED = 3,
	NO_DEVICE = 100,
	INVALID_DEVICE = 101,
	INVALID_CONTEXT = 201,
	NOT_SUPPORTED = 801,
};

enum {
	FLUSH_OPTIONS = 117,
	WRITES_ORDERING = 118,
	DMA_BUF_SUPPORTED = 124,
};

#define GPUS		8
#define PAGE		4096ull
/* Where the GPU has its memory: nowhere that the CPU could reach by mistake. */
#define BASE		0x300000000000ull

static char log_text[1 << 16];
static size_t log_length;
static FILE *log_file;

static char addresses[GPUS][32];
static int gpus;
static char failing[64];
static int failure;
static int attributes[256];

static bool initialized;
static int retained[GPUS];
static _Thread_local int current = -1;
static bool flushed;

static struct {
	unsigned char *bytes;
	size_t size;
	int memfd;
} memory;
static struct {
	char *bytes;
	size_t size;
} host;

static void note(const char *format, ...)
{
	va_list arguments;
	size_t room = sizeof(log_text) - log_length;
	int length;

	va_start(arguments, format);
	length = vsnprintf(log_text + log_length, room, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= room)
		length = 0;
	if (log_file) {
		fwrite(log_text + log_length, 1, length, log_file);
		fflush(log_file);
	}
	log_length += length;
	log_text[log_length] = 0;
}

static int violation(int result, const char *what)
{
	note("violation: %s\n", what);
	return result;
}

/* Whether a call is to fail, and a check of what must be before any call. */
static int begin(const char *name)
{
	if (failing[0] && !strcmp(failing, name))
		return failure;
	if (!initialized)
		return violation(NOT_INITIALIZED, "before cuInit");
	return SUCCESS;
}

static int begin_in_context(const char *name)
{
	int result = begin(name);

	if (!result && (current < 0 || !retained[current]))
		return violation(INVALID_CONTEXT, "no context is current");
	return result;
}

static bool has_device(int device)
{
	return device >= 0 && device < gpus;
}

static bool in_memory(unsigned long long address, size_t count)
{
	return memory.bytes && address >= BASE && count <= memory.size &&
	       address - BASE <= memory.size - count;
}

static bool in_host(const void *address, size_t count)
{
	const char *start = address;

	return host.bytes && start >= host.bytes && count <= host.size &&
	       (size_t)(start - host.bytes) <= host.size - count;
}

static int live(void)
{
	int count = !!memory.bytes + !!host.bytes;

	for (int gpu = 0; gpu < gpus; gpu++)
		count += retained[gpu];
	return count;
}

/* For tests in the same process: begins afresh. */
void standin_configure(const char *list, const char *failure_list)
{
	char text[sizeof(addresses)] = "";
	char *rest = text;
	char *address;
	const char *result;

	log_length = 0;
	log_text[0] = 0;
	initialized = false;
	flushed = false;
	gpus = 0;
	snprintf(text, sizeof(text), "%s", list);
	while (gpus < GPUS && (address = strsep(&rest, ",")) && *address)
		snprintf(addresses[gpus++], sizeof(addresses[0]), "%s", address);
	memset(attributes, 0, sizeof(attributes));
	attributes[DMA_BUF_SUPPORTED] = 1;
	attributes[FLUSH_OPTIONS] = 1;
	snprintf(failing, sizeof(failing), "%s", failure_list);
	result = strchr(failing, '=');
	if (result) {
		failure = atoi(result + 1);
		failing[result - failing] = 0;
	}
}

void standin_set_attribute(int attribute, int value)
{
	attributes[attribute] = value;
}

const char *standin_log(void)
{
	return log_text;
}

/* How many things are not released. */
int standin_live(void)
{
	return live();
}

/* What another device does to the memory. */
void standin_device_write(size_t offset, const void *bytes, size_t count)
{
	memcpy(memory.bytes + offset, bytes, count);
	flushed = false;
}

void standin_device_read(size_t offset, void *bytes, size_t count)
{
	memcpy(bytes, memory.bytes + offset, count);
}

__attribute__((constructor)) static void load(void)
{
	const char *path = getenv("CUDA_STANDIN_LOG");
	const char *list = getenv("CUDA_STANDIN_GPUS");
	const char *failure_list = getenv("CUDA_STANDIN_FAIL");

	if (path)
		log_file = fopen(path, "w");
	standin_configure(list ? list : "0000:00:00.0", failure_list ? failure_list : "");
}

__attribute__((destructor)) static void unload(void)
{
	if (live())
		note("violation: %d things are not released\n", live());
	note("end\n");
}

int cuGetErrorName(int error, const char **text)
{
	switch (error) {
	case OUT_OF_MEMORY:
		*text = "CUDA_ERROR_OUT_OF_MEMORY";
		return SUCCESS;
	case NO_DEVICE:
		*text = "CUDA_ERROR_NO_DEVICE";
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
	if (!strcmp(failing, __func__))
		return failure;
	if (flags)
		return violation(INVALID_VALUE, "flags");
	initialized = true;
	return gpus ? SUCCESS : NO_DEVICE;
}

int cuDeviceGetCount(int *count)
{
	note("cuDeviceGetCount\n");
	*count = gpus;
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
	if (!has_device(device) || snprintf(text, size, "%s", addresses[device]) >= size)
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
	*value = attributes[attribute];
	return begin(__func__);
}

int cuDevicePrimaryCtxRetain(void **context, int device)
{
	int result = begin(__func__);

	note("cuDevicePrimaryCtxRetain %d\n", device);
	if (!has_device(device))
		return violation(INVALID_DEVICE, "no such device");
	if (!result) {
		*context = &retained[device];
		retained[device]++;
	}
	return result;
}

int cuDevicePrimaryCtxRelease_v2(int device)
{
	note("cuDevicePrimaryCtxRelease_v2 %d\n", device);
	if (!has_device(device) || !retained[device])
		return violation(INVALID_CONTEXT, "not retained");
	if (retained[device] == 1 && (memory.bytes || host.bytes))
		return violation(INVALID_CONTEXT, "memory is left");
	retained[device]--;
	return begin(__func__);
}

int cuCtxSetCurrent(void *context)
{
	int result = begin(__func__);

	current = (int *)context - retained;
	if (!has_device(current) || !retained[current]) {
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
	if (memory.bytes)
		return violation(OUT_OF_MEMORY, "the one allocation is made");
	fd = memfd_create("gpu", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, size) || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK))
		return OUT_OF_MEMORY;
	memory.bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory.bytes == MAP_FAILED) {
		memory.bytes = NULL;
		close(fd);
		return OUT_OF_MEMORY;
	}
	memory.size = size;
	memory.memfd = fd;
	/* What somebody else left there. */
	memset(memory.bytes, 0x5a, size);
	*address = BASE;
	return SUCCESS;
}

int cuMemFree_v2(unsigned long long address)
{
	int result = begin_in_context(__func__);

	note("cuMemFree_v2\n");
	if (!memory.bytes || address != BASE)
		return violation(INVALID_VALUE, "no such allocation");
	munmap(memory.bytes, memory.size);
	close(memory.memfd);
	memory.bytes = NULL;
	return result;
}

int cuMemAllocHost_v2(void **address, size_t size)
{
	int result = begin_in_context(__func__);

	note("cuMemAllocHost_v2 %zu\n", size);
	if (result)
		return result;
	if (host.bytes)
		return violation(OUT_OF_MEMORY, "the one allocation is made");
	host.bytes = malloc(size);
	if (!host.bytes)
		return OUT_OF_MEMORY;
	memset(host.bytes, 0xa5, size);
	host.size = size;
	*address = host.bytes;
	return SUCCESS;
}

int cuMemFreeHost(void *address)
{
	int result = begin_in_context(__func__);

	note("cuMemFreeHost\n");
	if (!host.bytes || address != host.bytes)
		return violation(INVALID_VALUE, "no such allocation");
	free(host.bytes);
	host.bytes = NULL;
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
		memset(memory.bytes + (address - BASE), value, count);
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
	if (attributes[FLUSH_OPTIONS] && attributes[WRITES_ORDERING] < 100 && !flushed)
		return violation(INVALID_VALUE, "no flush");
	flushed = false;
	if (!result)
		memcpy(to, memory.bytes + (from - BASE), count);
	return result;
}

int cuMemcpyHtoD_v2(unsigned long long to, const void *from, size_t count)
{
	int result = begin_in_context(__func__);

	note("cuMemcpyHtoD_v2 %llu %zu\n", to - BASE, count);
	if (!in_memory(to, count) || !in_host(from, count))
		return violation(INVALID_VALUE, "outside of the allocation");
	if (!result)
		memcpy(memory.bytes + (to - BASE), from, count);
	return result;
}

int cuMemGetHandleForAddressRange(void *handle, unsigned long long address, size_t size,
				  int type, unsigned long long flags)
{
	int result = begin_in_context(__func__);
	struct udmabuf_create request = { .memfd = memory.memfd, .size = size };
	int driver, fd;

	note("cuMemGetHandleForAddressRange %llu %zu %d %llu\n", address - BASE, size, type, flags);
	if (!in_memory(address, size) || address % PAGE || !size || size % PAGE)
		return violation(INVALID_VALUE, "not whole pages of the allocation");
	if (type != 1 || flags)
		return violation(INVALID_VALUE, "not a dma-buf");
	if (result)
		return result;
	request.offset = address - BASE;
	driver = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	fd = driver < 0 ? dup(memory.memfd) : ioctl(driver, UDMABUF_CREATE, &request);
	if (driver >= 0)
		close(driver);
	*(int *)handle = fd;
	return fd < 0 ? OUT_OF_MEMORY : SUCCESS;
}
