/* Encodes fields as the bytes of the wire format. */
#include "imurun_protocol.h"

uint8_t *imup_put16(uint8_t *out, uint16_t value) {
    out[0] = (uint8_t)(value & 0xFFu);
    out[1] = (uint8_t)(value >> 8);
    return out + 2;
}

uint8_t *imup_put32(uint8_t *out, uint32_t value) {
    return imup_put16(imup_put16(out, (uint16_t)(value & 0xFFFFu)), (uint16_t)(value >> 16));
}

uint8_t *imup_put64(uint8_t *out, uint64_t value) {
    return imup_put32(imup_put32(out, (uint32_t)(value & 0xFFFFFFFFu)), (uint32_t)(value >> 32));
}

uint16_t imup_get16(const uint8_t *in) { return (uint16_t)(in[0] | (uint16_t)(in[1] << 8)); }

uint32_t imup_get32(const uint8_t *in) { return imup_get16(in) | ((uint32_t)imup_get16(in + 2) << 16); }

uint64_t imup_get64(const uint8_t *in) { return imup_get32(in) | ((uint64_t)imup_get32(in + 4) << 32); }

uint16_t imup_crc16(const uint8_t *data, size_t size) {
    /* Four bits at a time: 16 entries instead of 256. */
    static const uint16_t table[16] = {0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50A5, 0x60C6, 0x70E7,
                                       0x8108, 0x9129, 0xA14A, 0xB16B, 0xC18C, 0xD1AD, 0xE1CE, 0xF1EF};
    uint32_t crc = 0xFFFFu;
    for (size_t k = 0; k < size; k++) {
        crc = ((crc << 4) ^ table[((crc >> 12) ^ (data[k] >> 4)) & 0xFu]) & 0xFFFFu;
        crc = ((crc << 4) ^ table[((crc >> 12) ^ data[k]) & 0xFu]) & 0xFFFFu;
    }
    return (uint16_t)crc;
}

uint8_t imup_samples_at(uint16_t mtu) {
    const size_t around = IMUP_ATT_HEAD + IMUP_FRAME_HEAD + IMUP_CRC_SIZE;
    const size_t count = mtu < around ? 0 : (mtu - around) / IMUP_SAMPLE_SIZE;
    return (uint8_t)(count < IMUP_SAMPLES_MAX ? count : IMUP_SAMPLES_MAX);
}

uint8_t imup_clipped(const imup_sample *samples, size_t count) {
    uint8_t flags = 0;
    for (size_t k = 0; k < count; k++) {
        for (int axis = 0; axis < 6; axis++) {
            const int16_t value = samples[k].axes[axis];
            if (value == INT16_MAX || value == INT16_MIN) {
                flags = (uint8_t)(flags | (axis < 3 ? IMUP_ACC_CLIPPED : IMUP_GYR_CLIPPED));
            }
        }
    }
    return flags;
}

static uint8_t *put_head(uint8_t *out, uint8_t type, uint8_t flags, uint16_t sequence) {
    out[0] = (uint8_t)(IMUP_VERSION << 4 | type);
    out[1] = flags;
    return imup_put16(out + 2, sequence);
}

static uint8_t *put_axes(uint8_t *out, const imup_sample *sample) {
    for (int axis = 0; axis < 6; axis++) {
        out = imup_put16(out, (uint16_t)sample->axes[axis]);
    }
    return out;
}

static size_t seal(uint8_t *frame, const uint8_t *end) {
    const size_t size = (size_t)(end - frame);
    imup_put16(frame + size, imup_crc16(frame, size));
    return size + IMUP_CRC_SIZE;
}

size_t imup_put_samples(uint8_t *out, uint8_t flags, uint16_t sequence, uint32_t first_index, uint32_t time_us,
                        uint8_t configuration_id, const imup_sample *samples, uint8_t count) {
    uint8_t *at = put_head(out, IMUP_SAMPLES, flags, sequence);
    at = imup_put32(imup_put32(at, first_index), time_us);
    *at++ = count;
    *at++ = configuration_id;
    for (uint8_t k = 0; k < count; k++) {
        at = put_axes(at, &samples[k]);
    }
    return seal(out, at);
}

size_t imup_put_short(uint8_t *out, uint8_t flags, uint16_t sequence, uint32_t index, const imup_sample *sample) {
    uint8_t *at = imup_put32(put_head(out, IMUP_SHORT, flags, sequence), index);
    return (size_t)(put_axes(at, sample) - out);
}

size_t imup_seal_log_data(uint8_t *out, uint8_t flags, uint16_t sequence, uint32_t offset, uint8_t length) {
    uint8_t *at = imup_put32(put_head(out, IMUP_LOG_DATA, flags, sequence), offset);
    *at++ = length;
    return seal(out, at + length);
}

uint8_t *imup_put_configuration(uint8_t *out, const imup_configuration *configuration) {
    *out++ = configuration->id;
    out = imup_put32(out, configuration->rate_mhz);
    *out++ = configuration->acc_range_g;
    out = imup_put16(out, configuration->gyr_range_deg_s);
    return imup_put32(imup_put32(out, configuration->acc_scale), configuration->gyr_scale);
}

size_t imup_put_run_header(uint8_t *out, uint8_t flags, uint16_t sequence, const imup_run_header *header) {
    uint8_t *at = put_head(out, IMUP_RUN_HEADER, flags, sequence);
    at = imup_put_configuration(imup_put16(imup_put32(at, header->boot_id), header->run), &header->configuration);
    at = imup_put64(imup_put64(at, header->device_time_us), header->host_time_us);
    return seal(out, at);
}
