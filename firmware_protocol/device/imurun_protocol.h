/* Constants of the wire format (firmware_protocol/README.md), and functions that encode fields as bytes. */
#ifndef IMURUN_PROTOCOL_H
#define IMURUN_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define IMUP_VERSION 1u
#define IMUP_MTU_MIN 23u     /* of every new connection */
#define IMUP_ATT_HEAD 3u     /* of a notification or indication */
#define IMUP_FRAME_MAX 244u  /* fills one link-layer packet at MTU 247 */
#define IMUP_FRAME_HEAD 14u
#define IMUP_CRC_SIZE 2u
#define IMUP_SAMPLE_SIZE 12u
#define IMUP_SHORT_SIZE 20u
#define IMUP_LOG_DATA_HEAD 9u
#define IMUP_RUN_HEADER_SIZE 44u
#define IMUP_SAMPLES_MAX ((IMUP_FRAME_MAX - IMUP_FRAME_HEAD - IMUP_CRC_SIZE) / IMUP_SAMPLE_SIZE)
#define IMUP_TIME_EVERY 16u  /* short samples between two time frames */

enum imup_type { IMUP_SAMPLES = 0, IMUP_SHORT = 1, IMUP_LOG_DATA = 2, IMUP_RUN_HEADER = 3 };

enum imup_flag {
    IMUP_ACC_CLIPPED = 1,
    IMUP_GYR_CLIPPED = 2,
    IMUP_BACKFILLED = 4,
    IMUP_LOST_BEFORE = 8,
    IMUP_BATTERY_LOW = 16
};

enum imup_op {
    IMUP_OP_CAPABILITIES = 0x01,
    IMUP_OP_CONFIGURE = 0x02,
    IMUP_OP_START = 0x03,
    IMUP_OP_STOP = 0x04,
    IMUP_OP_TIME_SYNC = 0x05,
    IMUP_OP_FETCH = 0x06,
    IMUP_OP_STATUS = 0x07,
    IMUP_OP_LOG_LIST = 0x08,
    IMUP_OP_LOG_READ = 0x09,
    IMUP_OP_LOG_ERASE = 0x0A,
    IMUP_OP_CONFIGURATION = 0x0B,
    IMUP_LAST_PART = 0x80, /* first byte of a response, or of its last part */
    IMUP_MORE_PARTS = 0x81
};

enum imup_status {
    IMUP_OK = 0,
    IMUP_UNKNOWN_OP = 1,
    IMUP_WRONG_LENGTH = 2,
    IMUP_OUT_OF_RANGE = 3,
    IMUP_NOT_CONFIGURED = 4,
    IMUP_RUNNING = 5,
    IMUP_NOT_RUNNING = 6,
    IMUP_NO_LONGER_HELD = 7,
    IMUP_BUSY = 8,
    IMUP_STORAGE = 9,
    IMUP_SENSOR = 10
};

#define IMUP_START_LOG 1u /* bit of start's options */
#define IMUP_BATTERY_UNKNOWN 255u

/* One sample: raw ax ay az gx gy gz, and the time at which it was taken (low 32 bits of the clock). */
typedef struct {
    int16_t axes[6];
    uint32_t time_us;
} imup_sample;

/* Result of configure. The scales are 1e-9 g and 1e-9 deg/s per step of the raw values. */
typedef struct {
    uint8_t id; /* 0: never configured */
    uint16_t rate_hz;
    uint32_t rate_mhz; /* actual rate of the sensor */
    uint8_t acc_range_g;
    uint16_t gyr_range_deg_s;
    uint32_t acc_scale;
    uint32_t gyr_scale;
} imup_configuration;

/* First record of every log. */
typedef struct {
    uint32_t boot_id;
    uint16_t run;
    imup_configuration configuration;
    uint64_t device_time_us;
    uint64_t host_time_us; /* Unix time; 0: unknown */
} imup_run_header;

/* Little-endian. The put functions return the position after the bytes. */
uint8_t *imup_put16(uint8_t *out, uint16_t value);
uint8_t *imup_put32(uint8_t *out, uint32_t value);
uint8_t *imup_put64(uint8_t *out, uint64_t value);
uint16_t imup_get16(const uint8_t *in);
uint32_t imup_get32(const uint8_t *in);
uint64_t imup_get64(const uint8_t *in);

/* CRC-16/CCITT-FALSE. */
uint16_t imup_crc16(const uint8_t *data, size_t size);

/* Number of samples that fit in a frame at this MTU, at most IMUP_SAMPLES_MAX; 0: only short samples fit. */
uint8_t imup_samples_at(uint16_t mtu);

/* The clipped flags of these samples. */
uint8_t imup_clipped(const imup_sample *samples, size_t count);

/* Each writes one frame (at most IMUP_FRAME_MAX bytes) and returns its size. */
size_t imup_put_samples(uint8_t *out, uint8_t flags, uint16_t sequence, uint32_t first_index, uint32_t time_us,
                        uint8_t configuration_id, const imup_sample *samples, uint8_t count);
size_t imup_put_short(uint8_t *out, uint8_t flags, uint16_t sequence, uint32_t index, const imup_sample *sample);
/* The data must already be at out + IMUP_LOG_DATA_HEAD. */
size_t imup_seal_log_data(uint8_t *out, uint8_t flags, uint16_t sequence, uint32_t offset, uint8_t length);
size_t imup_put_run_header(uint8_t *out, uint8_t flags, uint16_t sequence, const imup_run_header *header);
/* The 16 bytes in the responses to configure and configuration; returns the position after them. */
uint8_t *imup_put_configuration(uint8_t *out, const imup_configuration *configuration);

#ifdef __cplusplus
}
#endif
#endif
