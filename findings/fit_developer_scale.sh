#!/usr/bin/env bash
# fitdecode 0.11.0, fitparse 1.2.0, garmin-fit-sdk 21.218.0: the scale that a FIT file declares for a developer field.
# Expected: a field description holds scale and offset, as the profile does for native fields, so that a pod's
#   "Ground Time" of raw 2685 at scale 10 reads 268.5 ms beside the native stance_time of raw 2685.
# Seen: all three readers scale the native field and give the developer field raw: 2685 ms of contact.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q fitdecode==0.11.0 fitparse==1.2.0 garmin-fit-sdk==21.218.0
cd "$folder"
"$folder/env/bin/python" - <<'PYTHON'
import struct, sys
import fitdecode, fitparse
from garmin_fit_sdk import Decoder, Stream

def crc(data):
    c = 0
    for b in data:
        c ^= b
        for _ in range(8):
            c = (c >> 1) ^ 0xA001 if c & 1 else c >> 1
    return struct.pack("<H", c)

def definition(local, number, fields, developer=()):
    out = struct.pack("<BBBHB", 0x40 | local | (0x20 if developer else 0), 0, 0, number, len(fields))
    out += b"".join(map(bytes, fields))
    return out + (bytes([len(developer)]) + b"".join(map(bytes, developer)) if developer else b"")

name, unit = b"Ground Time\0", b"ms\0"
body = definition(0, 0, [(0, 1, 0), (1, 2, 0x84)]) + struct.pack("<BBH", 0, 4, 255)  # file_id: activity
body += definition(1, 207, [(3, 1, 2)]) + struct.pack("<BB", 1, 0)  # developer_data_id
body += definition(2, 206, [(0, 1, 2), (1, 1, 2), (2, 1, 2), (3, len(name), 7), (6, 1, 2), (7, 1, 1), (8, len(unit), 7)])
body += struct.pack("<BBBB", 2, 0, 0, 0x84) + name + struct.pack("<Bb", 10, 0) + unit  # scale 10, offset 0
body += definition(3, 20, [(253, 4, 0x86), (41, 2, 0x84)], [(0, 2, 0)])  # record with stance_time
body += struct.pack("<BIHH", 3, 1_000_000_000, 2685, 2685)
head = struct.pack("<BBHI4s", 14, 0x20, 2132, len(body), b".FIT")
head += crc(head)
with open("run.fit", "wb") as file:
    file.write(head + body + crc(head + body))

seen = {}
for frame in fitdecode.FitReader("run.fit"):
    if frame.frame_type == fitdecode.FIT_FRAME_DATA and frame.name == "record":
        seen["fitdecode"] = frame.get_value("stance_time"), frame.get_value("Ground Time")
record = next(fitparse.FitFile("run.fit").get_messages("record"))
seen["fitparse"] = record.get_value("stance_time"), record.get_value("Ground Time")
record = Decoder(Stream.from_file("run.fit")).read()[0]["record_mesgs"][0]
seen["garmin-fit-sdk"] = record["stance_time"], record["developer_fields"][0]
for reader, (native, developer) in seen.items():
    print(f"{reader:15s} stance_time {native} ms, Ground Time {developer} ms")
sys.exit(any(pair != (268.5, 2685) for pair in seen.values()))
PYTHON
