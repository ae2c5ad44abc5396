/* Power-up, polling, radio events. */
#include <string.h>

#include "internal.h"

#define CHUNK 32u

typedef char imup_ring_holds_a_chunk[IMUP_RING_SAMPLES >= 2u * CHUNK ? 1 : -1];

void imup_init(imup_device *device, const imup_port *port) {
    memset(device, 0, sizeof *device);
    device->port = port;
    device->mtu = IMUP_MTU_MIN;
    device->boot_id = port->random_u32(port->context);
}

void imup_read_sensor(imup_device *device) {
    const imup_port *const port = device->port;
    imup_sample samples[CHUNK];
    size_t count = device->running ? CHUNK : 0;
    while (count > 0u) {
        uint32_t lost = 0;
        count = port->read_fifo(port->context, samples, CHUNK, &lost);
        device->lost += lost;
        imup_ring_skip(&device->ring, lost);
        for (size_t k = 0; k < count; k++) {
            imup_ring_push(&device->ring, &samples[k]);
        }
        imup_log_write(device, false);
    }
}

void imup_forget_run(imup_device *device) {
    imup_ring_clear(&device->ring);
    imup_stream_restart(device);
    device->lost = 0;
}

uint8_t imup_battery_flag(const imup_device *device) {
    return device->port->battery_percent(device->port->context) < IMUP_BATTERY_LOW_PERCENT ? IMUP_BATTERY_LOW : 0;
}

void imup_poll(imup_device *device) {
    imup_read_sensor(device);
    imup_control_send(device);
    imup_stream_send(device);
}

void imup_set_mtu(imup_device *device, uint16_t mtu) { device->mtu = mtu < IMUP_MTU_MIN ? IMUP_MTU_MIN : mtu; }

void imup_set_subscribed(imup_device *device, bool subscribed) {
    if (subscribed && !device->stream.subscribed) {
        imup_read_sensor(device);
        imup_stream_restart(device);
    }
    device->stream.subscribed = subscribed;
}

void imup_disconnected(imup_device *device) {
    device->stream.subscribed = false;
    device->stream.transfer = IMUP_NO_TRANSFER;
    device->response.pending = false;
    device->mtu = IMUP_MTU_MIN;
}
