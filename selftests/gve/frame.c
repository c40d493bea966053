// SPDX-License-Identifier: GPL-2.0-only
/* A frame's headers: where they are, their lengths and their checksums. */
#include "device.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

static uint16_t load16(const uint8_t *bytes)
{
	return bytes[0] << 8 | bytes[1];
}

static void store16(uint8_t *bytes, uint16_t value)
{
	bytes[0] = value >> 8;
	bytes[1] = value;
}

static uint8_t l4_of(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return L4_TCP;
	case IPPROTO_UDP:
		return L4_UDP;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return L4_ICMP;
	default:
		return L4_OTHER;
	}
}

/* The size of a TCP or UDP header that lies in `room` bytes, or 0. */
static uint32_t l4_size(uint8_t l4, const uint8_t *header, uint32_t room)
{
	uint32_t size = l4 == L4_UDP ? sizeof(struct udphdr) : 0;

	if (l4 == L4_TCP && room >= sizeof(struct tcphdr))
		size = (header[12] >> 4) * 4;
	return size <= room ? size : 0;
}

/* Where the frame's L3 header ends, or 0; sets what is known up to there. */
static uint32_t parse_l3(struct frame *frame, const uint8_t *packet, uint32_t size)
{
	uint32_t offset = ETH_HLEN, end;
	uint16_t type;

	if (size < ETH_HLEN)
		return 0;
	type = load16(packet + 12);
	if (type == ETH_P_8021Q && size >= ETH_HLEN + 4) {
		type = load16(packet + 16);
		offset += 4;
	}
	if (type == ETH_P_IP && size >= offset + sizeof(struct iphdr)) {
		end = offset + (packet[offset] & 15) * 4;
		frame->l3 = L3_IPV4;
		frame->l4 = l4_of(packet[offset + 9]);
		/* A fragment has no header of its own. */
		if (load16(packet + offset + 6) & 0x3fff)
			frame->l4 = L4_OTHER;
	} else if (type == ETH_P_IPV6 && size >= offset + sizeof(struct ip6_hdr)) {
		end = offset + sizeof(struct ip6_hdr);
		frame->l3 = L3_IPV6;
		frame->l4 = l4_of(packet[offset + 6]);
	} else {
		frame->l3 = L3_OTHER;
		return 0;
	}
	frame->l3_offset = offset;
	return end <= size ? end : 0;
}

void frame_parse(struct frame *frame, const uint8_t *packet, uint32_t size)
{
	uint32_t l4_offset, l4_bytes;

	frame->l3 = L3_UNKNOWN;
	frame->l4 = L4_UNKNOWN;
	frame->l3_offset = 0;
	frame->l4_offset = 0;
	frame->segment = 0;
	frame->checked = false;
	frame->header_size = size < ETH_HLEN ? size : ETH_HLEN;
	l4_offset = parse_l3(frame, packet, size);
	if (l4_offset) {
		l4_bytes = l4_size(frame->l4, packet + l4_offset, size - l4_offset);
		if (l4_offset + l4_bytes <= HEADER_MAX) {
			frame->header_size = l4_offset + l4_bytes;
			frame->l4_offset = l4_bytes ? l4_offset : 0;
		}
	}
	memcpy(frame->header, packet, frame->header_size);
	frame->payload = packet + frame->header_size;
	frame->payload_size = size - frame->header_size;
}

/* Makes the headers say how long the payload is. */
void frame_set_length(struct frame *frame)
{
	uint8_t *l3 = frame->header + frame->l3_offset;
	uint32_t size = frame->header_size - frame->l3_offset + frame->payload_size;

	if (frame->l3 == L3_IPV4)
		store16(l3 + 2, size);
	else
		store16(l3 + 4, size - sizeof(struct ip6_hdr));
	if (frame->l4 == L4_UDP)
		store16(frame->header + frame->l4_offset + 4,
			frame->header_size - frame->l4_offset + frame->payload_size);
}

/* The sum of 16-bit words in memory order; an odd last byte counts as if a 0 followed. */
static uint64_t add(uint64_t sum, const uint8_t *bytes, uint32_t size)
{
	uint32_t word;
	uint16_t half;

	for (; size >= 4; size -= 4, bytes += 4) {
		memcpy(&word, bytes, 4);
		sum += word;
	}
	if (size >= 2) {
		memcpy(&half, bytes, 2);
		sum += half;
		bytes += 2;
		size -= 2;
	}
	return size ? sum + *bytes : sum;
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/*
 * The sum over pseudo-header, L4 header and payload (RFC 9293, RFC 768, RFC
 * 8200). Headers of TCP and UDP are of an even size.
 */
static uint16_t l4_sum(const struct frame *frame)
{
	const uint8_t *l3 = frame->header + frame->l3_offset;
	uint32_t l4_header = frame->header_size - frame->l4_offset;
	uint64_t sum;

	sum = frame->l3 == L3_IPV4 ? add(0, l3 + 12, 8) : add(0, l3 + 8, 32);
	sum += htonl(l4_header + frame->payload_size);
	sum += htons(frame->l4 == L4_TCP ? IPPROTO_TCP : IPPROTO_UDP);
	sum = add(sum, frame->header + frame->l4_offset, l4_header);
	return fold(add(sum, frame->payload, frame->payload_size));
}

static bool has_l4_checksum(const struct frame *frame)
{
	return frame->l4_offset && (frame->l4 == L4_TCP || frame->l4 == L4_UDP);
}

void frame_set_checksums(struct frame *frame)
{
	uint8_t *l3 = frame->header + frame->l3_offset, *check;
	uint16_t sum;

	if (frame->l3 == L3_IPV4) {
		memset(l3 + 10, 0, 2);
		sum = ~fold(add(0, l3, (l3[0] & 15) * 4));
		memcpy(l3 + 10, &sum, 2);
	}
	if (has_l4_checksum(frame)) {
		check = frame->header + frame->l4_offset + (frame->l4 == L4_TCP ? 16 : 6);
		memset(check, 0, 2);
		sum = ~l4_sum(frame);
		if (!sum && frame->l4 == L4_UDP)
			sum = 0xffff;
		memcpy(check, &sum, 2);
	}
	frame->checked = true;
}

/* Whether its checksums are right; false where there is none to look at. */
bool frame_is_right(const struct frame *frame)
{
	const uint8_t *l3 = frame->header + frame->l3_offset;

	if (frame->checked)
		return has_l4_checksum(frame);
	if (!has_l4_checksum(frame))
		return false;
	if (frame->l3 == L3_IPV4 && fold(add(0, l3, (l3[0] & 15) * 4)) != 0xffff)
		return false;
	return l4_sum(frame) == 0xffff;
}
