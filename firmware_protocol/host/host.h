/* A board simulated in memory: the device side on a computer, for tests and the virtual sensor. */
#ifndef IMURUN_HOST_H
#define IMURUN_HOST_H

#include "imurun_device.h"

typedef struct imuh_board imuh_board;

/* How the sensor samples: scales in 1e-9 g and 1e-9 deg/s a step. */
typedef struct {
    uint32_t rate_mhz, acc_scale, gyr_scale;
} imuh_sensor;

/* NULL if out of memory. log_bytes 0: no storage. fifo_samples: size of the FIFO; full, it overwrites the oldest. */
imuh_board *imuh_new(uint32_t boot_id, uint32_t log_bytes, uint32_t fifo_samples);
void imuh_free(imuh_board *board);
/* Resets everything except the stored logs; the clock restarts at 0. */
void imuh_power_cycle(imuh_board *board, uint32_t boot_id);

void imuh_set_clock(imuh_board *board, uint64_t clock_us);
void imuh_set_battery(imuh_board *board, uint8_t percent);
/* Number of further notifications and indications that the radio accepts; negative: no limit. */
void imuh_set_radio_room(imuh_board *board, int32_t notifications, int32_t indications);
/* A sensor that fails refuses configure and start; storage that fails refuses to open, append and erase. */
void imuh_set_failing(imuh_board *board, bool sensor, bool storage);

/* Whether the sensor is on; out gets its last configuration and may be NULL. */
bool imuh_sampling(const imuh_board *board, imuh_sensor *out);
/* The sensor takes samples: axes is count x 6, and time_us one time each. False while it is off. */
bool imuh_push(imuh_board *board, const int16_t *axes, const uint64_t *time_us, size_t count);
/* The sensor loses count samples. */
void imuh_lose(imuh_board *board, uint32_t count);

void imuh_poll(imuh_board *board);
void imuh_set_mtu(imuh_board *board, uint16_t mtu);
void imuh_set_subscribed(imuh_board *board, bool subscribed);
void imuh_disconnect(imuh_board *board);
bool imuh_write(imuh_board *board, const uint8_t *data, size_t size);
size_t imuh_info(const imuh_board *board, uint8_t *out);

/* Takes the oldest packet (at most IMUP_FRAME_MAX bytes) out of the queue; returns its size, 0 if there is none. */
size_t imuh_notification(imuh_board *board, uint8_t *out);
size_t imuh_indication(imuh_board *board, uint8_t *out);

#endif
