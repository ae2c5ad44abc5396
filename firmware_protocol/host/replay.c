/* Replays a script from standard input against the device side, and prints the packets that it sends:
   `n HEX` a notification, `i HEX` an indication, `refused` for a write before the previous response is sent.
   For sanitizers and debuggers.

   write HEX | push COUNT | lose COUNT | clock US | mtu N | subscribe 0/1 | disconnect | reboot BOOT_ID
   radio NOTIFICATIONS INDICATIONS | battery PERCENT | failing SENSOR STORAGE                                        */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

static void print_packets(imuh_board *board, char name, size_t (*take)(imuh_board *, uint8_t *)) {
    uint8_t packet[IMUP_FRAME_MAX];
    for (size_t size = take(board, packet); size > 0u; size = take(board, packet)) {
        printf("%c ", name);
        for (size_t k = 0; k < size; k++) {
            printf("%02x", packet[k]);
        }
        printf("\n");
    }
}

static void write_hex(imuh_board *board, const char *hex) {
    /* Of exactly this size, so that a sanitizer detects a read beyond it. */
    const size_t size = strlen(hex) / 2u;
    uint8_t *const data = malloc(size);
    for (size_t k = 0; k < size; k++) {
        unsigned value = 0;
        sscanf(hex + 2u * k, "%2x", &value);
        data[k] = (uint8_t)value;
    }
    if (!imuh_write(board, data, size)) {
        printf("refused\n");
    }
    free(data);
}

int main(int argc, char **argv) {
    const uint32_t log_bytes = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0u;
    imuh_board *const board = imuh_new(1, log_bytes, 64);
    uint64_t clock_us = 0;
    char line[2048], word[16], text[1024];
    int32_t seed = 1;
    if (board == NULL) {
        return 1;
    }
    while (fgets(line, sizeof line, stdin) != NULL) {
        long a = 0, b = 0;
        text[0] = '\0';
        if (sscanf(line, "%15s %1023s", word, text) < 1) {
            continue;
        }
        sscanf(line, "%*s %ld %ld", &a, &b);
        if (strcmp(word, "write") == 0) {
            write_hex(board, text);
        } else if (strcmp(word, "push") == 0) {
            for (long k = 0; k < a; k++) {
                int16_t axes[6];
                for (int axis = 0; axis < 6; axis++) {
                    seed = (int32_t)(((int64_t)seed * 48271) % 2147483647);
                    axes[axis] = (int16_t)(seed % 65536 - 32768);
                }
                clock_us += 4808u;
                imuh_set_clock(board, clock_us);
                imuh_push(board, axes, &clock_us, 1);
            }
        } else if (strcmp(word, "lose") == 0) {
            imuh_lose(board, (uint32_t)a);
        } else if (strcmp(word, "clock") == 0) {
            clock_us = (uint64_t)a;
            imuh_set_clock(board, clock_us);
        } else if (strcmp(word, "mtu") == 0) {
            imuh_set_mtu(board, (uint16_t)a);
        } else if (strcmp(word, "subscribe") == 0) {
            imuh_set_subscribed(board, a != 0);
        } else if (strcmp(word, "disconnect") == 0) {
            imuh_disconnect(board);
        } else if (strcmp(word, "reboot") == 0) {
            imuh_power_cycle(board, (uint32_t)a);
            clock_us = 0;
        } else if (strcmp(word, "radio") == 0) {
            imuh_set_radio_room(board, (int32_t)a, (int32_t)b);
        } else if (strcmp(word, "battery") == 0) {
            imuh_set_battery(board, (uint8_t)a);
        } else if (strcmp(word, "failing") == 0) {
            imuh_set_failing(board, a != 0, b != 0);
        }
        imuh_poll(board);
        print_packets(board, 'i', imuh_indication);
        print_packets(board, 'n', imuh_notification);
    }
    imuh_free(board);
    return 0;
}
