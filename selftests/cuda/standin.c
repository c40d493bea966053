// SPDX-License-Identifier: GPL-2.0-only
/* The stand-in's state, what it writes down, and how tests steer it. */
#include "standin.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct standin standin;
_Thread_local int current = -1;
_Thread_local bool flushed;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char log_text[1 << 16];
static size_t log_length;
static FILE *log_file;

void note(const char *format, ...)
{
	char line[128];
	va_list arguments;
	size_t length;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	pthread_mutex_lock(&lock);
	if (log_file) {
		fputs(line, log_file);
		fflush(log_file);
	}
	length = strlen(line);
	if (length < sizeof(log_text) - log_length) {
		memcpy(log_text + log_length, line, length + 1);
		log_length += length;
	}
	pthread_mutex_unlock(&lock);
}

int violation(int result, const char *what)
{
	note("violation: %s\n", what);
	return result;
}

int begin(const char *name)
{
	if (standin.failing[0] && !strcmp(standin.failing, name) && standin.successes-- <= 0)
		return standin.failure;
	if (!standin.initialized)
		return violation(NOT_INITIALIZED, "before cuInit");
	return SUCCESS;
}

int begin_in_context(const char *name)
{
	int result = begin(name);

	if (!result && (current < 0 || !standin.retained[current]))
		return violation(INVALID_CONTEXT, "no context is current");
	return result;
}

bool has_device(int device)
{
	return device >= 0 && device < standin.gpus;
}

bool in_memory(unsigned long long address, size_t count)
{
	return standin.memory.bytes && address >= BASE && count <= standin.memory.size &&
	       address - BASE <= standin.memory.size - count;
}

bool in_host(const void *address, size_t count)
{
	const char *start = address;

	for (int area = 0; area < HOST_AREAS; area++) {
		const char *bytes = standin.host[area].bytes;
		size_t size = standin.host[area].size;

		if (bytes && start >= bytes && count <= size && (size_t)(start - bytes) <= size - count)
			return true;
	}
	return false;
}

bool lacks_flush(void)
{
	bool needed = standin.attributes[FLUSH_OPTIONS] && standin.attributes[WRITES_ORDERING] < 100;
	bool lacks = needed && !flushed;

	flushed = false;
	return lacks;
}

int held(void)
{
	int count = !!standin.memory.bytes + standin.modules + standin.streams;

	for (int area = 0; area < HOST_AREAS; area++)
		count += !!standin.host[area].bytes;
	return count;
}

/* For tests in the same process: begins afresh. */
void standin_configure(const char *list, const char *failure_list)
{
	char text[sizeof(standin.addresses)] = "";
	char *rest = text;
	char *address;
	const char *result;

	log_length = 0;
	log_text[0] = 0;
	standin.initialized = false;
	flushed = false;
	standin.loses_writes = false;
	standin.lies = LIES_NEVER;
	standin.pcie_mapping = SUCCESS;
	standin.gpus = 0;
	snprintf(text, sizeof(text), "%s", list);
	while (standin.gpus < GPUS && (address = strsep(&rest, ",")) && *address)
		snprintf(standin.addresses[standin.gpus++], sizeof(standin.addresses[0]), "%s", address);
	memset(standin.attributes, 0, sizeof(standin.attributes));
	standin.attributes[DMA_BUF_SUPPORTED] = 1;
	standin.attributes[FLUSH_OPTIONS] = 1;
	snprintf(standin.failing, sizeof(standin.failing), "%s", failure_list);
	result = strchr(standin.failing, '=');
	if (result) {
		standin.failure = atoi(result + 1);
		result = strchr(result, '@');
		standin.successes = result ? atoi(result + 1) : 0;
		*strchr(standin.failing, '=') = 0;
	}
}

void standin_set_attribute(int attribute, int value)
{
	standin.attributes[attribute] = value;
}

void standin_set_pcie_mapping(int result)
{
	standin.pcie_mapping = result;
}

void standin_set_lies(int lies)
{
	standin.lies = lies;
}

const char *standin_log(void)
{
	return log_text;
}

const char *standin_image(void)
{
	return standin.image ? standin.image : "";
}

/* How many things are not released. */
int standin_live(void)
{
	int count = held();

	for (int gpu = 0; gpu < standin.gpus; gpu++)
		count += standin.retained[gpu];
	return count;
}

/* What another device does to the memory. */
void standin_device_write(size_t offset, const void *bytes, size_t count)
{
	memcpy(standin.memory.bytes + offset, bytes, count);
	flushed = false;
}

void standin_device_read(size_t offset, void *bytes, size_t count)
{
	memcpy(bytes, standin.memory.bytes + offset, count);
}

__attribute__((constructor)) static void load(void)
{
	const char *path = getenv("CUDA_STANDIN_LOG");
	const char *list = getenv("CUDA_STANDIN_GPUS");
	const char *failure_list = getenv("CUDA_STANDIN_FAIL");
	const char *lost = getenv("CUDA_STANDIN_LOSES_WRITES");
	const char *lies = getenv("CUDA_STANDIN_LIES");
	const char *pcie = getenv("CUDA_STANDIN_PCIE_MAPPING");

	if (path)
		log_file = fopen(path, "w");
	standin_configure(list ? list : "0000:00:00.0", failure_list ? failure_list : "");
	standin.loses_writes = lost && *lost;
	standin.lies = lies ? atoi(lies) : LIES_NEVER;
	standin.pcie_mapping = pcie ? atoi(pcie) : SUCCESS;
}

__attribute__((destructor)) static void unload(void)
{
	if (standin_live())
		note("violation: %d things are not released\n", standin_live());
	note("end\n");
}

