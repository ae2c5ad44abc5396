/* Ring buffer of the last IMUP_RING_SAMPLES samples, by index; samples lost by the sensor keep a slot. */
#ifndef IMURUN_RING_H
#define IMURUN_RING_H

#include <stdbool.h>

#include "imurun_protocol.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A power of two, so that slots stay in order when the index wraps. 16 bytes each: 4096 are 64 KiB, 20 s at 208 Hz. */
#ifndef IMUP_RING_SAMPLES
#define IMUP_RING_SAMPLES 4096u
#endif

typedef struct {
    imup_sample slots[IMUP_RING_SAMPLES];
    uint32_t next; /* index of the next sample */
    uint32_t held; /* slots in use, including lost samples */
} imup_ring;

/* Read position of the live stream, a fetch or the log. */
typedef struct {
    uint32_t next;
    bool lost_before; /* samples before next are lost and cannot be fetched */
} imup_cursor;

void imup_ring_clear(imup_ring *ring);
void imup_ring_push(imup_ring *ring, const imup_sample *sample);
void imup_ring_skip(imup_ring *ring, uint32_t lost);
uint32_t imup_ring_oldest(const imup_ring *ring);
/* NULL if the sample is not held, or was lost. */
const imup_sample *imup_ring_at(const imup_ring *ring, uint32_t index);

/* Moves the cursor past lost samples, and copies the contiguous samples from there: at most room, none from end on.
   Copies fewer than room only before a lost sample or if flush is set, otherwise none. The caller advances the
   cursor over the copied samples. */
uint8_t imup_ring_take(const imup_ring *ring, imup_cursor *cursor, uint32_t end, uint8_t room, bool flush,
                       imup_sample *out);

#ifdef __cplusplus
}
#endif
#endif
