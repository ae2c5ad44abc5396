/* Functions shared by the device files. */
#ifndef IMURUN_INTERNAL_H
#define IMURUN_INTERNAL_H

#include "imurun_device.h"

/* device.c */
void imup_read_sensor(imup_device *device);
void imup_forget_run(imup_device *device);
uint8_t imup_battery_flag(const imup_device *device);

/* stream.c */
void imup_stream_restart(imup_device *device);
void imup_stream_send(imup_device *device);

/* control.c */
void imup_control_send(imup_device *device);

/* runlog.c: open writes the run header */
bool imup_log_open(imup_device *device);
void imup_log_write(imup_device *device, bool flush);
void imup_log_close(imup_device *device);
bool imup_log_find(const imup_device *device, uint16_t id, uint32_t *bytes);

#endif
