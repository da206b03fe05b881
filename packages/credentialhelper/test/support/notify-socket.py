# Run in tests as the service manager: prints each message of sd_notify(3) and the process it is from, one JSON object a line.
#   python3 notify-socket.py PATH|@NAME
import json
import socket
import struct
import sys

path = sys.argv[1]
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
listener.bind("\0" + path[1:] if path.startswith("@") else path)
print(json.dumps({"listening": path}), flush=True)
while True:
    message, ancillary, _, _ = listener.recvmsg(4096, socket.CMSG_SPACE(12))
    pid, _, _ = struct.unpack("iII", ancillary[0][2])
    print(json.dumps({"pid": pid, "lines": message.decode().split("\n")}), flush=True)
