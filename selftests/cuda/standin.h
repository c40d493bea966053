/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the stand-in for libcuda share: see libcuda.c. */
#ifndef STANDIN_H
#define STANDIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SUCCESS = 0,
	INVALID_VALUE = 1,
	OUT_OF_MEMORY = 2,
	NOT_INITIALIZED = 3,
	NO_DEVICE = 100,
	INVALID_DEVICE = 101,
	INVALID_CONTEXT = 201,
	INVALID_PTX = 218,
	INVALID_HANDLE = 400,
	NOT_FOUND = 500,
	NOT_READY = 600,
	LAUNCH_FAILED = 719,
	NOT_SUPPORTED = 801,
};

enum {
	FLUSH_OPTIONS = 117,
	WRITES_ORDERING = 118,
	DMA_BUF_SUPPORTED = 124,
	/* Options of the compiler. */
	JIT_ERROR_LOG = 5,
	JIT_ERROR_LOG_SIZE = 6,
	/* A flag of cuMemGetHandleForAddressRange. */
	MAPPING_TYPE_PCIE = 1,
};

#define GPUS		8
#define HOST_AREAS	32
#define PAGE		4096ull
/* Where the GPU has its memory: nowhere that the CPU could reach by mistake. */
#define BASE		0x300000000000ull

/* The library's own, whatever names the program has. */
#pragma GCC visibility push(hidden)

/* What the kernel does that it must not. */
enum lie {
	LIES_NEVER,
	/* It finds a wrong byte where there is none in GPU memory, or in any. */
	LIES_ON_GPU,
	LIES_EVERYWHERE,
	/* It leaves pieces of GPU memory without an answer. */
	LIES_BY_SILENCE,
	/* It finds nothing wrong in GPU memory. */
	LIES_BLINDLY,
};

struct standin {
	char addresses[GPUS][32];
	int gpus;
	/* The call that is to fail, its result, and how often it succeeds before. */
	char failing[64];
	int failure;
	int successes;
	int attributes[256];
	/* Whether the memory that other devices write is another one, as behind an IOMMU that drops it. */
	bool loses_writes;
	/* What an export that asks for a mapping over PCIe ends with. */
	int pcie_mapping;
	enum lie lies;

	bool initialized;
	int retained[GPUS];
	int modules;
	/* The code of the module that was loaded last. */
	char *image;
	int streams;

	struct {
		unsigned char *bytes;
		size_t size;
		int memfd;
	} memory;
	struct {
		char *bytes;
		size_t size;
	} host[HOST_AREAS];
};

extern struct standin standin;
/* The calling thread's GPU, or -1. */
extern _Thread_local int current;
/* Whether no device wrote since the thread's last flush. */
extern _Thread_local bool flushed;

/* Writes down a call or a violation. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
int violation(int result, const char *what);

/* The result that a call is to have, and a check of what must be before any. */
int begin(const char *name);
int begin_in_context(const char *name);

bool has_device(int device);
bool in_memory(unsigned long long address, size_t count);
bool in_host(const void *address, size_t count);
/* Whether what other devices wrote may be missing from what the GPU reads. */
bool lacks_flush(void);
/* How many things are taken in the context and not given back. */
int held(void);

/* What the tool's kernel does (kernel.c). */
struct launch {
	unsigned int pieces;
	uint64_t addresses[3];
	uint32_t period;
	unsigned char words[1088];
};

int run_kernel(const struct launch *launch);

#pragma GCC visibility pop

#endif
