/* Sends frames on the data characteristic: live frames first, then those of a fetch or log read. */
#include "internal.h"

void imup_stream_restart(imup_device *device) {
    imup_stream *const stream = &device->stream;
    stream->live.next = device->ring.next;
    stream->live.lost_before = false;
    stream->transfer = IMUP_NO_TRANSFER;
    stream->time_due = false;
}

/* The sequence counts only notifications that the radio accepted. */
static bool send(imup_device *device, const uint8_t *frame, size_t size) {
    if (!device->port->notify(device->port->context, frame, size)) {
        return false;
    }
    device->stream.sequence++;
    return true;
}

static bool send_time(imup_device *device) {
    imup_stream *const stream = &device->stream;
    uint8_t frame[IMUP_FRAME_HEAD + IMUP_CRC_SIZE];
    const size_t size = imup_put_samples(frame, stream->time_flags, stream->sequence, stream->time_index,
                                         stream->time_us, device->configuration.id, NULL, 0);
    if (!send(device, frame, size)) {
        return false;
    }
    stream->time_due = false;
    return true;
}

/* Sends one frame from the cursor on. False if there is none, or the radio does not accept it. */
static bool send_samples(imup_device *device, imup_cursor *cursor, uint32_t end, uint8_t flags, bool flush) {
    imup_stream *const stream = &device->stream;
    imup_sample samples[IMUP_SAMPLES_MAX];
    uint8_t frame[IMUP_FRAME_MAX];
    const uint8_t fits = imup_samples_at(device->mtu);
    const uint8_t count = imup_ring_take(&device->ring, cursor, end, fits == 0u ? 1u : fits, flush, samples);
    if (count == 0u) {
        return false;
    }
    const uint8_t kept = (uint8_t)(flags | imup_battery_flag(device));
    flags = (uint8_t)(kept | imup_clipped(samples, count) | (cursor->lost_before ? IMUP_LOST_BEFORE : 0));
    const uint32_t time_us = samples[count - 1u].time_us;
    const size_t size = fits == 0u
                            ? imup_put_short(frame, flags, stream->sequence, cursor->next, samples)
                            : imup_put_samples(frame, flags, stream->sequence, cursor->next, time_us,
                                               device->configuration.id, samples, count);
    if (!send(device, frame, size)) {
        return false;
    }
    cursor->next += count;
    cursor->lost_before = false;
    if (fits == 0u && cursor->next % IMUP_TIME_EVERY == 0u) {
        stream->time_due = true;
        stream->time_flags = kept;
        stream->time_index = cursor->next;
        stream->time_us = time_us;
    }
    return true;
}

static bool send_log(imup_device *device) {
    imup_stream *const stream = &device->stream;
    uint8_t frame[IMUP_FRAME_MAX];
    const size_t link = device->mtu - IMUP_ATT_HEAD;
    const size_t room = (link < IMUP_FRAME_MAX ? link : IMUP_FRAME_MAX) - IMUP_LOG_DATA_HEAD - IMUP_CRC_SIZE;
    const uint32_t left = stream->log_end - stream->log_offset;
    const size_t wanted = left < room ? left : room;
    const size_t count = device->port->log_read(device->port->context, stream->log_id, stream->log_offset,
                                                frame + IMUP_LOG_DATA_HEAD, wanted);
    if (count == 0u || count > wanted) { /* storage failed: the client sees that fewer bytes arrive than announced */
        stream->transfer = IMUP_NO_TRANSFER;
        return false;
    }
    if (!send(device, frame, imup_seal_log_data(frame, imup_battery_flag(device), stream->sequence,
                                                stream->log_offset, (uint8_t)count))) {
        return false;
    }
    stream->log_offset += (uint32_t)count;
    return true;
}

static bool send_transfer(imup_device *device) {
    imup_stream *const stream = &device->stream;
    bool sent = false;
    if (stream->transfer == IMUP_FETCHING) {
        sent = send_samples(device, &stream->fetch, stream->fetch_end, IMUP_BACKFILLED, true);
        if (stream->fetch.next == stream->fetch_end) {
            stream->transfer = IMUP_NO_TRANSFER;
        }
    } else if (stream->transfer == IMUP_READING_LOG) {
        sent = send_log(device);
        if (stream->log_offset == stream->log_end) {
            stream->transfer = IMUP_NO_TRANSFER;
        }
    }
    return sent;
}

void imup_stream_send(imup_device *device) {
    imup_stream *const stream = &device->stream;
    while (stream->subscribed) {
        if (stream->time_due) {
            if (!send_time(device)) {
                return;
            }
        } else if (!send_samples(device, &stream->live, device->ring.next, 0, !device->running) &&
                   !send_transfer(device)) {
            return;
        }
    }
}
