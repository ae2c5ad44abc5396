/* The ring buffer of samples. */
#include "ring.h"

typedef char imup_ring_is_power_of_two[(IMUP_RING_SAMPLES & (IMUP_RING_SAMPLES - 1u)) == 0u ? 1 : -1];

static imup_sample *slot(imup_ring *ring, uint32_t index) { return &ring->slots[index % IMUP_RING_SAMPLES]; }

/* All six axes at the lowest value mark a lost sample. */
static bool is_lost(const imup_sample *sample) {
    for (int axis = 0; axis < 6; axis++) {
        if (sample->axes[axis] != INT16_MIN) {
            return false;
        }
    }
    return true;
}

static void advance(imup_ring *ring) {
    ring->next++;
    if (ring->held < IMUP_RING_SAMPLES) {
        ring->held++;
    }
}

void imup_ring_clear(imup_ring *ring) {
    ring->next = 0;
    ring->held = 0;
}

void imup_ring_push(imup_ring *ring, const imup_sample *sample) {
    imup_sample *const into = slot(ring, ring->next);
    *into = *sample;
    if (is_lost(into)) { /* a measured sample must not equal the mark */
        into->axes[5] = INT16_MIN + 1;
    }
    advance(ring);
}

void imup_ring_skip(imup_ring *ring, uint32_t lost) {
    if (lost >= IMUP_RING_SAMPLES) {
        ring->next += lost;
        ring->held = 0;
        return;
    }
    while (lost-- > 0u) {
        for (int axis = 0; axis < 6; axis++) {
            slot(ring, ring->next)->axes[axis] = INT16_MIN;
        }
        advance(ring);
    }
}

uint32_t imup_ring_oldest(const imup_ring *ring) { return ring->next - ring->held; }

const imup_sample *imup_ring_at(const imup_ring *ring, uint32_t index) {
    const imup_sample *const found = &ring->slots[index % IMUP_RING_SAMPLES];
    const uint32_t ago = ring->next - index;
    return ago == 0u || ago > ring->held || is_lost(found) ? NULL : found;
}

uint8_t imup_ring_take(const imup_ring *ring, imup_cursor *cursor, uint32_t end, uint8_t room, bool flush,
                       imup_sample *out) {
    const uint32_t after_end = ring->next - end;
    if (after_end >= ring->held) { /* no sample before end is held */
        cursor->lost_before = cursor->lost_before || cursor->next != end;
        cursor->next = end;
        return 0;
    }
    if (ring->next - cursor->next > ring->held) {
        cursor->next = imup_ring_oldest(ring);
        cursor->lost_before = true;
    }
    while (cursor->next != end && imup_ring_at(ring, cursor->next) == NULL) {
        cursor->next++;
        cursor->lost_before = true;
    }
    uint8_t count = 0;
    const imup_sample *sample = NULL;
    while (count < room && cursor->next + count != end) {
        sample = imup_ring_at(ring, cursor->next + count);
        if (sample == NULL) {
            return count; /* a lost sample ends the frame */
        }
        out[count++] = *sample;
    }
    return count == room || flush ? count : 0;
}
