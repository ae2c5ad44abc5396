#include "host.h"

#include <stdlib.h>
#include <string.h>

#define LOGS 64u

typedef struct {
    imup_sample sample;
    uint32_t lost_before;
} fifo_entry;

typedef struct {
    uint8_t *bytes; /* packets, each preceded by its size in one byte */
    size_t start, end, room;
    int32_t takes; /* negative: no limit */
} queue;

typedef struct {
    uint16_t id;
    uint8_t *bytes;
    uint32_t size;
} stored_log;

struct imuh_board {
    imup_device device;
    imup_port port;
    uint32_t boot_id;
    uint64_t clock_us;
    uint8_t battery;
    bool sampling, sensor_fails, storage_fails;
    imuh_sensor sensor;
    fifo_entry *fifo;
    uint32_t fifo_samples, fifo_start, fifo_count, lost; /* lost: since the last sample pushed */
    queue notifications, indications;
    stored_log logs[LOGS];
    uint8_t log_count;
    uint16_t last_log_id;
};

static bool queue_put(queue *into, const uint8_t *data, size_t size) {
    if (into->takes == 0) {
        return false;
    }
    if (into->end + 1u + size > into->room) {
        const size_t room = 2u * into->room + 4096u;
        uint8_t *const grown = realloc(into->bytes, room);
        if (grown == NULL) {
            return false;
        }
        into->bytes = grown;
        into->room = room;
    }
    into->takes -= into->takes > 0 ? 1 : 0;
    into->bytes[into->end] = (uint8_t)size;
    memcpy(into->bytes + into->end + 1u, data, size);
    into->end += 1u + size;
    return true;
}

static size_t queue_take(queue *from, uint8_t *out) {
    if (from->start == from->end) {
        from->start = from->end = 0;
        return 0;
    }
    const size_t size = from->bytes[from->start];
    memcpy(out, from->bytes + from->start + 1u, size);
    from->start += 1u + size;
    return size;
}

/* The port. */

static bool port_configure(void *context, imup_configuration *configuration) {
    imuh_board *const board = context;
    configuration->rate_mhz = 1000u * configuration->rate_hz;
    /* As the LSM6DS3TR-C: 0.488 mg at +-16 g, 70 mdps at +-2000 deg/s, and in proportion. */
    configuration->acc_scale = 30500u * configuration->acc_range_g;
    configuration->gyr_scale = 35000u * configuration->gyr_range_deg_s;
    board->sensor = (imuh_sensor){configuration->rate_mhz, configuration->acc_scale, configuration->gyr_scale};
    return !board->sensor_fails;
}

static bool port_sample(void *context, bool on) {
    imuh_board *const board = context;
    if (on && board->sensor_fails) {
        return false;
    }
    board->sampling = on;
    board->fifo_count = 0;
    board->lost = 0;
    return true;
}

static size_t port_read_fifo(void *context, imup_sample *out, size_t room, uint32_t *lost_before) {
    imuh_board *const board = context;
    size_t count = 0;
    while (count < room && board->fifo_count > 0u) {
        const fifo_entry *const entry = &board->fifo[board->fifo_start];
        if (entry->lost_before > 0u && count > 0u) {
            break;
        }
        *lost_before += entry->lost_before;
        out[count++] = entry->sample;
        board->fifo_start = (board->fifo_start + 1u) % board->fifo_samples;
        board->fifo_count--;
    }
    return count;
}

static bool port_notify(void *context, const uint8_t *data, size_t size) {
    return queue_put(&((imuh_board *)context)->notifications, data, size);
}

static bool port_indicate(void *context, const uint8_t *data, size_t size) {
    return queue_put(&((imuh_board *)context)->indications, data, size);
}

static uint64_t port_clock(void *context) { return ((imuh_board *)context)->clock_us; }

static uint32_t port_random(void *context) { return ((imuh_board *)context)->boot_id; }

static uint8_t port_battery(void *context) { return ((imuh_board *)context)->battery; }

static bool port_log_open(void *context) {
    imuh_board *const board = context;
    if (board->storage_fails || board->log_count == LOGS) {
        return false;
    }
    board->logs[board->log_count++] = (stored_log){++board->last_log_id, NULL, 0};
    return true;
}

static bool port_log_append(void *context, const uint8_t *data, size_t size) {
    imuh_board *const board = context;
    stored_log *const log = &board->logs[board->log_count - 1u];
    uint32_t used = 0;
    for (uint8_t k = 0; k < board->log_count; k++) {
        used += board->logs[k].size;
    }
    if (board->storage_fails || size > board->port.capabilities.log_bytes - used) {
        return false;
    }
    uint8_t *const grown = realloc(log->bytes, log->size + size);
    if (grown == NULL) {
        return false;
    }
    memcpy(grown + log->size, data, size);
    log->bytes = grown;
    log->size += (uint32_t)size;
    return true;
}

static void port_log_close(void *context) { (void)context; }

static bool port_log_entry(void *context, uint8_t position, uint16_t *id, uint32_t *bytes) {
    const imuh_board *const board = context;
    if (position >= board->log_count) {
        return false;
    }
    *id = board->logs[position].id;
    *bytes = board->logs[position].size;
    return true;
}

static size_t port_log_read(void *context, uint16_t id, uint32_t offset, uint8_t *out, size_t size) {
    const imuh_board *const board = context;
    for (uint8_t k = 0; k < board->log_count; k++) {
        const stored_log *const log = &board->logs[k];
        if (log->id == id && offset < log->size && !board->storage_fails) {
            const size_t count = size < log->size - offset ? size : log->size - offset;
            memcpy(out, log->bytes + offset, count);
            return count;
        }
    }
    return 0;
}

static bool port_log_erase(void *context, uint16_t id) {
    imuh_board *const board = context;
    for (uint8_t k = 0; k < board->log_count && !board->storage_fails; k++) {
        if (board->logs[k].id == id) {
            free(board->logs[k].bytes);
            board->log_count--;
            memmove(&board->logs[k], &board->logs[k + 1u], (board->log_count - k) * sizeof board->logs[0]);
            return true;
        }
    }
    return false;
}

static const imup_port PORT = {
    NULL,
    {4, 3, 3, {52, 104, 208, 416}, {4, 8, 16}, {500, 1000, 2000}, 0, "imurun host"},
    port_configure,
    port_sample,
    port_read_fifo,
    port_notify,
    port_indicate,
    port_clock,
    port_random,
    port_battery,
    port_log_open,
    port_log_append,
    port_log_close,
    port_log_entry,
    port_log_read,
    port_log_erase,
};

/* The board. */

imuh_board *imuh_new(uint32_t boot_id, uint32_t log_bytes, uint32_t fifo_samples) {
    imuh_board *const board = calloc(1, sizeof *board);
    if (board == NULL) {
        return NULL;
    }
    board->fifo_samples = fifo_samples > 0u ? fifo_samples : 1u;
    board->fifo = calloc(board->fifo_samples, sizeof *board->fifo);
    if (board->fifo == NULL) {
        free(board);
        return NULL;
    }
    board->port = PORT;
    board->port.context = board;
    board->port.capabilities.log_bytes = log_bytes;
    board->battery = IMUP_BATTERY_UNKNOWN;
    board->notifications.takes = board->indications.takes = -1;
    imuh_power_cycle(board, boot_id);
    return board;
}

void imuh_free(imuh_board *board) {
    if (board == NULL) {
        return;
    }
    for (uint8_t k = 0; k < board->log_count; k++) {
        free(board->logs[k].bytes);
    }
    free(board->notifications.bytes);
    free(board->indications.bytes);
    free(board->fifo);
    free(board);
}

void imuh_power_cycle(imuh_board *board, uint32_t boot_id) {
    board->boot_id = boot_id;
    board->clock_us = 0;
    board->sampling = false;
    board->fifo_count = 0;
    board->lost = 0;
    imup_init(&board->device, &board->port);
}

void imuh_set_clock(imuh_board *board, uint64_t clock_us) { board->clock_us = clock_us; }

void imuh_set_battery(imuh_board *board, uint8_t percent) { board->battery = percent; }

void imuh_set_radio_room(imuh_board *board, int32_t notifications, int32_t indications) {
    board->notifications.takes = notifications;
    board->indications.takes = indications;
}

void imuh_set_failing(imuh_board *board, bool sensor, bool storage) {
    board->sensor_fails = sensor;
    board->storage_fails = storage;
}

bool imuh_sampling(const imuh_board *board, imuh_sensor *out) {
    if (out != NULL) {
        *out = board->sensor;
    }
    return board->sampling;
}

bool imuh_push(imuh_board *board, const int16_t *axes, const uint64_t *time_us, size_t count) {
    for (size_t k = 0; k < count && board->sampling; k++) {
        if (board->fifo_count == board->fifo_samples) {
            const uint32_t lost = board->fifo[board->fifo_start].lost_before + 1u;
            board->fifo_start = (board->fifo_start + 1u) % board->fifo_samples;
            board->fifo_count--;
            if (board->fifo_count > 0u) {
                board->fifo[board->fifo_start].lost_before += lost;
            } else {
                board->lost += lost;
            }
        }
        fifo_entry *const entry = &board->fifo[(board->fifo_start + board->fifo_count++) % board->fifo_samples];
        memcpy(entry->sample.axes, axes + 6u * k, sizeof entry->sample.axes);
        entry->sample.time_us = (uint32_t)(time_us[k] & UINT32_MAX);
        entry->lost_before = board->lost;
        board->lost = 0;
    }
    return board->sampling;
}

void imuh_lose(imuh_board *board, uint32_t count) { board->lost += board->sampling ? count : 0u; }

void imuh_poll(imuh_board *board) { imup_poll(&board->device); }

void imuh_set_mtu(imuh_board *board, uint16_t mtu) { imup_set_mtu(&board->device, mtu); }

void imuh_set_subscribed(imuh_board *board, bool subscribed) { imup_set_subscribed(&board->device, subscribed); }

void imuh_disconnect(imuh_board *board) { imup_disconnected(&board->device); }

bool imuh_write(imuh_board *board, const uint8_t *data, size_t size) {
    return imup_control_write(&board->device, data, size, board->clock_us);
}

size_t imuh_info(const imuh_board *board, uint8_t *out) { return imup_info(&board->device, out); }

size_t imuh_notification(imuh_board *board, uint8_t *out) { return queue_take(&board->notifications, out); }

size_t imuh_indication(imuh_board *board, uint8_t *out) { return queue_take(&board->indications, out); }
