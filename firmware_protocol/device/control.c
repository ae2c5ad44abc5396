/* The control point: one request, one response, in as many indications as the MTU requires. */
#include <string.h>

#include "internal.h"

typedef struct {
    imup_device *device;
    const uint8_t *params;
    uint64_t received_us;
    uint8_t *out; /* next byte of the payload */
} request;

static uint8_t *put_capabilities(const imup_device *device, uint8_t *out) {
    const imup_capabilities *const can = &device->port->capabilities;
    size_t text = 0;
    while (text < IMUP_FIRMWARE_MAX && can->firmware[text] != '\0') {
        text++;
    }
    *out++ = IMUP_VERSION;
    *out++ = can->rates;
    for (uint8_t k = 0; k < can->rates; k++) {
        out = imup_put16(out, can->rates_hz[k]);
    }
    *out++ = can->acc_ranges;
    for (uint8_t k = 0; k < can->acc_ranges; k++) {
        *out++ = can->acc_ranges_g[k];
    }
    *out++ = can->gyr_ranges;
    for (uint8_t k = 0; k < can->gyr_ranges; k++) {
        out = imup_put16(out, can->gyr_ranges_deg_s[k]);
    }
    out = imup_put32(imup_put32(out, IMUP_RING_SAMPLES), can->log_bytes);
    *out++ = (uint8_t)text;
    memcpy(out, can->firmware, text);
    return out + text;
}

size_t imup_info(const imup_device *device, uint8_t *out) { return (size_t)(put_capabilities(device, out) - out); }

static uint8_t capabilities(request *r) {
    r->out = put_capabilities(r->device, r->out);
    return IMUP_OK;
}

static uint8_t configuration(request *r) {
    if (r->device->configuration.id == 0u) {
        return IMUP_NOT_CONFIGURED;
    }
    r->out = imup_put_configuration(r->out, &r->device->configuration);
    return IMUP_OK;
}

static bool offered(const imup_capabilities *can, const imup_configuration *wanted) {
    bool rate = false, acc = false, gyr = false;
    for (uint8_t k = 0; k < can->rates; k++) {
        rate = rate || can->rates_hz[k] == wanted->rate_hz;
    }
    for (uint8_t k = 0; k < can->acc_ranges; k++) {
        acc = acc || can->acc_ranges_g[k] == wanted->acc_range_g;
    }
    for (uint8_t k = 0; k < can->gyr_ranges; k++) {
        gyr = gyr || can->gyr_ranges_deg_s[k] == wanted->gyr_range_deg_s;
    }
    return rate && acc && gyr;
}

static uint8_t configure(request *r) {
    imup_device *const device = r->device;
    imup_configuration wanted = {0};
    wanted.id = (uint8_t)(device->configuration.id == 255u ? 1u : device->configuration.id + 1u);
    wanted.rate_hz = imup_get16(r->params);
    wanted.acc_range_g = r->params[2];
    wanted.gyr_range_deg_s = imup_get16(r->params + 3);
    if (device->running) {
        return IMUP_RUNNING;
    }
    if (!offered(&device->port->capabilities, &wanted)) {
        return IMUP_OUT_OF_RANGE;
    }
    if (!device->port->configure(device->port->context, &wanted)) {
        return IMUP_SENSOR;
    }
    device->configuration = wanted;
    imup_forget_run(device);
    return configuration(r);
}

static uint8_t start(request *r) {
    imup_device *const device = r->device;
    const uint8_t options = r->params[0];
    if ((options & ~IMUP_START_LOG) != 0u) {
        return IMUP_OUT_OF_RANGE;
    }
    if (device->running) {
        return IMUP_RUNNING;
    }
    if (device->configuration.id == 0u) {
        return IMUP_NOT_CONFIGURED;
    }
    imup_forget_run(device);
    device->run++;
    device->log.state = IMUP_LOG_NONE;
    if ((options & IMUP_START_LOG) != 0u && !imup_log_open(device)) {
        return IMUP_STORAGE;
    }
    if (!device->port->sample(device->port->context, true)) {
        imup_log_close(device);
        return IMUP_SENSOR;
    }
    device->running = true;
    r->out = imup_put32(imup_put16(imup_put32(r->out, device->boot_id), device->run), device->ring.next);
    return IMUP_OK;
}

static uint8_t stop(request *r) {
    imup_device *const device = r->device;
    if (!device->running) {
        return IMUP_NOT_RUNNING;
    }
    imup_read_sensor(device); /* samples still in the FIFO belong to the run */
    (void)device->port->sample(device->port->context, false);
    device->running = false;
    imup_log_close(device);
    r->out = imup_put32(r->out, device->ring.next);
    return IMUP_OK;
}

static uint8_t time_sync(request *r) {
    r->device->host_time_us = imup_get64(r->params);
    r->device->host_time_at_us = r->received_us;
    r->out = imup_put64(imup_put64(r->out, r->received_us), 0); /* the time of the answer is filled in on sending */
    return IMUP_OK;
}

static uint8_t fetch(request *r) {
    imup_device *const device = r->device;
    const imup_ring *const ring = &device->ring;
    const uint32_t first = imup_get32(r->params);
    const uint16_t wanted = imup_get16(r->params + 4);
    const uint32_t ago = ring->next - first;
    const uint32_t end = first + (wanted < ago ? wanted : ago);
    uint16_t count = 0;
    if (wanted == 0u || first >= ring->next) {
        return IMUP_OUT_OF_RANGE;
    }
    if (device->stream.transfer != IMUP_NO_TRANSFER) {
        return IMUP_BUSY;
    }
    for (uint32_t index = end; index-- != first;) {
        if (imup_ring_at(ring, index) != NULL) {
            device->stream.fetch.next = index;
            count++;
        }
    }
    if (count == 0u) {
        return IMUP_NO_LONGER_HELD;
    }
    device->stream.fetch.lost_before = device->stream.fetch.next != first;
    device->stream.fetch_end = end;
    device->stream.transfer = IMUP_FETCHING;
    r->out = imup_put16(imup_put32(r->out, device->stream.fetch.next), count);
    return IMUP_OK;
}

static uint8_t status(request *r) {
    const imup_device *const device = r->device;
    const imup_port *const port = device->port;
    uint8_t *out = imup_put16(imup_put32(r->out, device->boot_id), device->run);
    *out++ = device->running ? 1 : 0;
    *out++ = device->configuration.id;
    out = imup_put32(imup_put32(out, device->ring.next), imup_ring_oldest(&device->ring));
    out = imup_put32(out, device->lost);
    *out++ = port->battery_percent(port->context);
    *out++ = (uint8_t)device->log.state;
    r->out = imup_put64(out, port->clock_us(port->context));
    return IMUP_OK;
}

static uint8_t log_list(request *r) {
    const imup_port *const port = r->device->port;
    uint8_t *const count = r->out++;
    uint16_t id = 0;
    uint32_t bytes = 0;
    *count = 0;
    while (port->capabilities.log_bytes != 0u && *count < IMUP_LOGS_MAX &&
           port->log_entry(port->context, *count, &id, &bytes)) {
        r->out = imup_put32(imup_put16(r->out, id), bytes);
        (*count)++;
    }
    return IMUP_OK;
}

static uint8_t log_read(request *r) {
    imup_stream *const stream = &r->device->stream;
    const uint16_t id = imup_get16(r->params);
    const uint32_t offset = imup_get32(r->params + 2);
    const uint16_t wanted = imup_get16(r->params + 6);
    uint32_t bytes = 0;
    if (r->device->running) {
        return IMUP_RUNNING;
    }
    if (!imup_log_find(r->device, id, &bytes) || offset >= bytes || wanted == 0u) {
        return IMUP_OUT_OF_RANGE;
    }
    if (stream->transfer != IMUP_NO_TRANSFER) {
        return IMUP_BUSY;
    }
    const uint16_t length = (uint16_t)(wanted < bytes - offset ? wanted : bytes - offset);
    stream->transfer = IMUP_READING_LOG;
    stream->log_id = id;
    stream->log_offset = offset;
    stream->log_end = offset + length;
    r->out = imup_put16(r->out, length);
    return IMUP_OK;
}

static uint8_t log_erase(request *r) {
    const uint16_t id = imup_get16(r->params);
    uint32_t bytes = 0;
    if (r->device->running) {
        return IMUP_RUNNING;
    }
    if (!imup_log_find(r->device, id, &bytes)) {
        return IMUP_OUT_OF_RANGE;
    }
    if (r->device->stream.transfer == IMUP_READING_LOG) {
        return IMUP_BUSY;
    }
    return r->device->port->log_erase(r->device->port->context, id) ? IMUP_OK : IMUP_STORAGE;
}

static const struct {
    uint8_t size; /* of the parameters */
    uint8_t (*act)(request *r);
} ACTIONS[] = {
    [IMUP_OP_CAPABILITIES] = {0, capabilities},   [IMUP_OP_CONFIGURE] = {5, configure},
    [IMUP_OP_START] = {1, start},                 [IMUP_OP_STOP] = {0, stop},
    [IMUP_OP_TIME_SYNC] = {8, time_sync},         [IMUP_OP_FETCH] = {6, fetch},
    [IMUP_OP_STATUS] = {0, status},               [IMUP_OP_LOG_LIST] = {0, log_list},
    [IMUP_OP_LOG_READ] = {8, log_read},           [IMUP_OP_LOG_ERASE] = {2, log_erase},
    [IMUP_OP_CONFIGURATION] = {0, configuration},
};

bool imup_control_write(imup_device *device, const uint8_t *data, size_t size, uint64_t received_us) {
    imup_response *const response = &device->response;
    request r = {device, NULL, received_us, response->payload};
    if (response->pending) {
        return false;
    }
    response->op = size > 0u ? data[0] : 0;
    response->ref = size > 1u ? data[1] : 0;
    if (size < 2u) {
        response->status = IMUP_WRONG_LENGTH;
    } else if (response->op >= sizeof ACTIONS / sizeof ACTIONS[0] || ACTIONS[response->op].act == NULL) {
        response->status = IMUP_UNKNOWN_OP;
    } else if (size != 2u + (size_t)ACTIONS[response->op].size) {
        response->status = IMUP_WRONG_LENGTH;
    } else {
        r.params = data + 2;
        response->status = ACTIONS[response->op].act(&r);
    }
    response->size = response->status == IMUP_OK ? (size_t)(r.out - response->payload) : 0u;
    response->sent = 0;
    response->pending = true;
    imup_control_send(device);
    return true;
}

void imup_control_send(imup_device *device) {
    imup_response *const response = &device->response;
    const imup_port *const port = device->port;
    const size_t link = device->mtu - IMUP_ATT_HEAD;
    const size_t room = (link < IMUP_FRAME_MAX ? link : IMUP_FRAME_MAX) - 4u;
    uint8_t part[IMUP_FRAME_MAX];
    while (response->pending) {
        const size_t left = response->size - response->sent;
        const size_t size = left < room ? left : room;
        if (response->op == IMUP_OP_TIME_SYNC && response->status == IMUP_OK) { /* one part at any MTU */
            imup_put64(response->payload + 8, port->clock_us(port->context));
        }
        part[0] = size < left ? IMUP_MORE_PARTS : IMUP_LAST_PART;
        part[1] = response->op;
        part[2] = response->ref;
        part[3] = response->status;
        memcpy(part + 4, response->payload + response->sent, size);
        if (!port->indicate(port->context, part, 4u + size)) {
            return;
        }
        response->sent += size;
        response->pending = response->sent < response->size;
    }
}
