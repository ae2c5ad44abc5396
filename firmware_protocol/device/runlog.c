/* The log of a run: a run header, then the frames of MTU 247, each preceded by its length. */
#include "internal.h"

static bool append(imup_device *device, uint8_t *record, size_t size) {
    record[0] = (uint8_t)size;
    return device->port->log_append(device->port->context, record, size + 1u);
}

bool imup_log_open(imup_device *device) {
    const imup_port *const port = device->port;
    uint8_t record[1u + IMUP_RUN_HEADER_SIZE];
    imup_run_header header;
    if (port->capabilities.log_bytes == 0u || !port->log_open(port->context)) {
        return false;
    }
    header.boot_id = device->boot_id;
    header.run = device->run;
    header.configuration = device->configuration;
    header.device_time_us = port->clock_us(port->context);
    header.host_time_us = device->host_time_us == 0u
                              ? 0u
                              : device->host_time_us + (header.device_time_us - device->host_time_at_us);
    device->log.state = IMUP_LOG_WRITING;
    device->log.sequence = 0;
    device->log.cursor.next = device->ring.next;
    device->log.cursor.lost_before = false;
    if (!append(device, record, imup_put_run_header(record + 1, imup_battery_flag(device), 0, &header))) {
        imup_log_close(device);
        return false;
    }
    device->log.sequence++;
    return true;
}

void imup_log_write(imup_device *device, bool flush) {
    imup_log *const log = &device->log;
    imup_sample samples[IMUP_SAMPLES_MAX];
    uint8_t record[1u + IMUP_FRAME_MAX];
    while (log->state == IMUP_LOG_WRITING) {
        const uint8_t count =
            imup_ring_take(&device->ring, &log->cursor, device->ring.next, IMUP_SAMPLES_MAX, flush, samples);
        if (count == 0u) {
            return;
        }
        const uint8_t flags = (uint8_t)(imup_clipped(samples, count) | imup_battery_flag(device) |
                                        (log->cursor.lost_before ? IMUP_LOST_BEFORE : 0));
        const size_t size = imup_put_samples(record + 1, flags, log->sequence, log->cursor.next,
                                             samples[count - 1u].time_us, device->configuration.id, samples, count);
        if (!append(device, record, size)) {
            log->state = IMUP_LOG_STOPPED;
            device->port->log_close(device->port->context);
            return;
        }
        log->sequence++;
        log->cursor.next += count;
        log->cursor.lost_before = false;
    }
}

void imup_log_close(imup_device *device) {
    imup_log_write(device, true);
    if (device->log.state == IMUP_LOG_WRITING) {
        device->log.state = IMUP_LOG_NONE;
        device->port->log_close(device->port->context);
    }
}

bool imup_log_find(const imup_device *device, uint16_t id, uint32_t *bytes) {
    const imup_port *const port = device->port;
    uint16_t found = 0;
    for (uint8_t k = 0; port->capabilities.log_bytes != 0u && k < UINT8_MAX; k++) {
        if (!port->log_entry(port->context, k, &found, bytes)) {
            return false;
        }
        if (found == id) {
            return true;
        }
    }
    return false;
}
