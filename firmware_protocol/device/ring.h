/* The last IMUP_RING_SAMPLES samples, found by index; what the sensor lost keeps its place as a hole. */
#ifndef IMURUN_RING_H
#define IMURUN_RING_H

#include <stdbool.h>

#include "imurun_protocol.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A power of two, so that slots go on in order when the index wraps. 16 bytes each: 4096 are 64 KiB, 20 s at 208 Hz. */
#ifndef IMUP_RING_SAMPLES
#define IMUP_RING_SAMPLES 4096u
#endif

typedef struct {
    imup_sample slots[IMUP_RING_SAMPLES];
    uint32_t next; /* index that the next sample gets */
    uint32_t held; /* slots in use, holes too */
} imup_ring;

/* Somebody who goes through the ring: the live stream, a fetch, the log. */
typedef struct {
    uint32_t next;
    bool lost_before; /* samples before next are lost for good */
} imup_cursor;

void imup_ring_clear(imup_ring *ring);
void imup_ring_push(imup_ring *ring, const imup_sample *sample);
void imup_ring_skip(imup_ring *ring, uint32_t lost);
uint32_t imup_ring_oldest(const imup_ring *ring);
/* NULL where index is not held, or was lost. */
const imup_sample *imup_ring_at(const imup_ring *ring, uint32_t index);

/* Moves the cursor over what is lost, and copies the contiguous samples from there: at most room, none from end on.
   Fewer than room come only before a hole, or when flush is set; otherwise none. The caller moves the cursor. */
uint8_t imup_ring_take(const imup_ring *ring, imup_cursor *cursor, uint32_t end, uint8_t room, bool flush,
                       imup_sample *out);

#ifdef __cplusplus
}
#endif
#endif
