// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the tool's kernel does (ComparisonKernel.swift), in C: compares pieces of
 * memory with a pattern, counts the wrong bytes of each, and notes the first.
 */
#include "standin.h"

#include <string.h>

#define NOTED	7

struct piece {
	uint64_t address;
	uint32_t length;
	uint32_t phase;
};

struct mismatch {
	uint32_t offset;
	uint8_t expected;
	uint8_t actual;
	uint16_t unused;
};

/* Where the GPU finds bytes: in its memory, or in host memory that it reaches. */
static const unsigned char *find(uint64_t address, size_t count)
{
	const void *place = (const void *)(uintptr_t)address;

	if (in_memory(address, count))
		return standin.memory.bytes + (address - BASE);
	return in_host(place, count) ? place : NULL;
}

static uint32_t compare(const unsigned char *bytes, const struct piece *piece,
			const struct launch *launch, struct mismatch *mismatches)
{
	uint32_t wrong = 0;

	for (uint32_t offset = 0; offset < piece->length; offset++) {
		uint32_t phase = (piece->phase + offset) % launch->period;
		uint8_t expected = launch->words[4 * phase];

		if (bytes[offset] == expected)
			continue;
		if (wrong < NOTED)
			mismatches[wrong] = (struct mismatch){
				.offset = offset, .expected = expected, .actual = bytes[offset] };
		wrong++;
	}
	return wrong;
}

int run_kernel(const struct launch *launch)
{
	const struct piece *pieces = (void *)(uintptr_t)launch->addresses[0];
	uint32_t *counts = (void *)(uintptr_t)launch->addresses[1];
	struct mismatch *mismatches = (void *)(uintptr_t)launch->addresses[2];
	size_t count = launch->pieces;
	bool unflushed = lacks_flush();

	if (!in_host(pieces, count * sizeof(*pieces)) || !in_host(counts, count * sizeof(*counts)) ||
	    !in_host(mismatches, count * NOTED * sizeof(*mismatches)))
		return violation(LAUNCH_FAILED, "what the kernel takes is nowhere");
	for (size_t index = 0; index < count; index++) {
		const struct piece *piece = &pieces[index];
		const unsigned char *bytes = find(piece->address, piece->length);
		bool on_gpu = in_memory(piece->address, piece->length);

		if (!bytes || piece->length > 16384 || piece->phase >= launch->period)
			return violation(LAUNCH_FAILED, "not a piece of any memory");
		if (on_gpu && unflushed)
			return violation(LAUNCH_FAILED, "no flush");
		counts[index] = compare(bytes, piece, launch, &mismatches[index * NOTED]);
		if (on_gpu && standin.lies == LIES_BY_SILENCE)
			counts[index] = UINT32_MAX;
		if (on_gpu && standin.lies == LIES_BLINDLY)
			counts[index] = 0;
		if (counts[index])
			continue;
		if (standin.lies == LIES_EVERYWHERE || (on_gpu && standin.lies == LIES_ON_GPU)) {
			counts[index] = 1;
			mismatches[index * NOTED] = (struct mismatch){ .expected = *bytes };
		}
	}
	return SUCCESS;
}
