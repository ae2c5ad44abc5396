/* The device side of the imurun protocol: header for firmware. No allocation, no operating system.
   Make all calls from one context (the main loop); an interrupt only queues its events for it. */
#ifndef IMURUN_DEVICE_H
#define IMURUN_DEVICE_H

#include "ring.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifndef IMUP_BATTERY_LOW_PERCENT
#define IMUP_BATTERY_LOW_PERCENT 15u
#endif
#define IMUP_LIST_MAX 8u      /* rates, or ranges */
#define IMUP_FIRMWARE_MAX 32u /* characters */
#define IMUP_LOGS_MAX 16u     /* in the answer to log list */
#define IMUP_RESPONSE_MAX 128u

typedef struct {
    uint8_t rates, acc_ranges, gyr_ranges; /* number of used entries in the lists below */
    uint16_t rates_hz[IMUP_LIST_MAX];
    uint8_t acc_ranges_g[IMUP_LIST_MAX];
    uint16_t gyr_ranges_deg_s[IMUP_LIST_MAX];
    uint32_t log_bytes; /* 0: no storage, the log functions are never called */
    const char *firmware;
} imup_capabilities;

/* The functions that a board supplies; PORTING.md describes each. */
typedef struct {
    void *context;
    imup_capabilities capabilities;
    /* sensor: configure gets rate_hz and the ranges, and sets rate_mhz and the scales */
    bool (*configure)(void *context, imup_configuration *configuration);
    bool (*sample)(void *context, bool on);
    size_t (*read_fifo)(void *context, imup_sample *out, size_t room, uint32_t *lost_before);
    /* radio: false while its queue is full; the call is repeated at the next poll */
    bool (*notify)(void *context, const uint8_t *data, size_t size);
    bool (*indicate)(void *context, const uint8_t *data, size_t size);
    /* board */
    uint64_t (*clock_us)(void *context);
    uint32_t (*random_u32)(void *context);
    uint8_t (*battery_percent)(void *context);
    /* storage: log_entry returns the log at a position, oldest first */
    bool (*log_open)(void *context);
    bool (*log_append)(void *context, const uint8_t *data, size_t size);
    void (*log_close)(void *context);
    bool (*log_entry)(void *context, uint8_t position, uint16_t *id, uint32_t *bytes);
    size_t (*log_read)(void *context, uint16_t id, uint32_t offset, uint8_t *out, size_t size);
    bool (*log_erase)(void *context, uint16_t id);
} imup_port;

typedef enum { IMUP_NO_TRANSFER, IMUP_FETCHING, IMUP_READING_LOG } imup_transfer_kind;

typedef struct {
    bool subscribed;
    uint16_t sequence; /* of the next notification */
    imup_cursor live;
    imup_transfer_kind transfer; /* transfer on request, beside the live stream */
    imup_cursor fetch;
    uint32_t fetch_end;
    uint16_t log_id;
    uint32_t log_offset, log_end;
    bool time_due; /* a time frame of short mode is pending, with the fields below */
    uint8_t time_flags;
    uint32_t time_index, time_us;
} imup_stream;

typedef struct {
    bool pending;
    uint8_t op, ref, status;
    uint8_t payload[IMUP_RESPONSE_MAX];
    size_t size, sent;
} imup_response;

typedef enum { IMUP_LOG_NONE = 0, IMUP_LOG_WRITING = 1, IMUP_LOG_STOPPED = 2 } imup_log_state;

typedef struct {
    imup_log_state state;
    imup_cursor cursor;
    uint16_t sequence;
} imup_log;

typedef struct {
    const imup_port *port;
    uint16_t mtu;
    uint32_t boot_id;
    uint16_t run; /* starts since boot */
    bool running;
    uint32_t lost; /* samples that the sensor's FIFO dropped in this run */
    uint64_t host_time_us, host_time_at_us; /* last time sync: Unix time, and device clock at its receipt; 0: none */
    imup_configuration configuration;
    imup_ring ring;
    imup_stream stream;
    imup_response response;
    imup_log log;
} imup_device;

/* Once after power-up. The port must live as long as the device. */
void imup_init(imup_device *device, const imup_port *port);

/* Whenever the sensor's FIFO or the radio has data, at least once per half FIFO. */
void imup_poll(imup_device *device);

/* Events of the radio. A new connection has MTU 23 and no subscription until these calls change it. */
void imup_set_mtu(imup_device *device, uint16_t mtu);
void imup_set_subscribed(imup_device *device, bool subscribed); /* notifications of the data characteristic */
void imup_disconnected(imup_device *device);

/* A write to the control characteristic, with the clock at its receipt. False while the previous response is
   not completely sent: answer the write with ATT error 0xFE (procedure already in progress). */
bool imup_control_write(imup_device *device, const uint8_t *data, size_t size, uint64_t received_us);

/* The value of the info characteristic, at most IMUP_RESPONSE_MAX bytes; returns its size. */
size_t imup_info(const imup_device *device, uint8_t *out);

#ifdef __cplusplus
}
#endif
#endif
