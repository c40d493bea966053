// SPDX-License-Identifier: GPL-2.0-only
/* Which RX queue a frame goes to: by flow rules first, then by its hash. */
#include "device.h"

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <string.h>

/* gve_adminq_flow_type */
enum { FLOW_TCP4 = 0, FLOW_UDP4 = 1, FLOW_TCP6 = 5, FLOW_UDP6 = 6 };

/*
 * The Toeplitz hash of each byte at each place: a bit of the input adds, by
 * exclusive or, the 32 bits of the key that begin at its own number.
 */
void steer_key_changed(struct device *device)
{
	unsigned int place, byte, bit;

	for (place = 0; place < 36; place++) {
		const uint8_t *key = device->key + place;
		uint64_t window = (uint64_t)key[0] << 32 | (uint32_t)key[1] << 24 | key[2] << 16 |
			key[3] << 8 | key[4];

		for (byte = 0; byte < 256; byte++) {
			uint32_t hash = 0;

			for (bit = 0; bit < 8; bit++)
				if (byte & 0x80 >> bit)
					hash ^= window >> (8 - bit);
			device->hashes[place][byte] = hash;
		}
	}
}

static uint32_t toeplitz(const struct device *device, const uint8_t *bytes, unsigned int size)
{
	uint32_t hash = 0;
	unsigned int i;

	for (i = 0; i < size; i++)
		hash ^= device->hashes[i][bytes[i]];
	return hash;
}

static void fill_spec(struct flow_spec *spec, const struct frame *frame)
{
	const uint8_t *l3 = frame->header + frame->l3_offset;
	const uint8_t *l4 = frame->header + frame->l4_offset;

	memset(spec, 0, sizeof(*spec));
	if (frame->l3 == L3_IPV4) {
		memcpy(spec->source, l3 + 12, 4);
		memcpy(spec->destination, l3 + 16, 4);
		spec->tos = l3[1];
	} else {
		memcpy(spec->source, l3 + 8, 16);
		memcpy(spec->destination, l3 + 24, 16);
		spec->tos = l3[0] << 4 | l3[1] >> 4;
	}
	memcpy(&spec->source_port, l4, 2);
	memcpy(&spec->destination_port, l4 + 2, 2);
}

static bool matches(const struct rule *rule, const struct flow_spec *spec)
{
	uint32_t key[10], mask[10], found[10];
	unsigned int i;

	memcpy(key, &rule->key, sizeof(key));
	memcpy(mask, &rule->mask, sizeof(mask));
	memcpy(found, spec, sizeof(found));
	for (i = 0; i < 10; i++)
		if ((found[i] ^ key[i]) & mask[i])
			return false;
	return true;
}

unsigned int steer(const struct device *device, const struct frame *frame, uint32_t *hash)
{
	struct flow_spec spec;
	uint8_t tuple[36];
	unsigned int i, address = frame->l3 == L3_IPV4 ? 4 : 16;
	uint16_t type;

	*hash = 0;
	if (!frame->l4_offset || (frame->l4 != L4_TCP && frame->l4 != L4_UDP))
		return 0;
	fill_spec(&spec, frame);
	memcpy(tuple, spec.source, address);
	memcpy(tuple + address, spec.destination, address);
	memcpy(tuple + 2 * address, &spec.source_port, 4);
	*hash = toeplitz(device, tuple, 2 * address + 4);

	type = (frame->l3 == L3_IPV4 ? FLOW_TCP4 : FLOW_TCP6) + (frame->l4 == L4_UDP);
	for (i = 0; i < RULES; i++) {
		const struct rule *rule = &device->rules[i];

		if (rule->used && rule->type == type && matches(rule, &spec))
			return rule->queue;
	}
	return device->table[*hash % device->table_size];
}
