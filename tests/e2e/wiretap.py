"""A raw capture of everything on an interface of this script's own namespace."""
import socket
import struct
import threading


class Wiretap:
    def __init__(self, interface="lo"):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))  # ETH_P_ALL
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)
        self.socket.bind((interface, 0))
        self.socket.settimeout(0.1)
        self.frames, self.running = [], True
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        while self.running:
            try:
                frame, origin = self.socket.recvfrom(70000)
            except TimeoutError:
                continue
            if origin[2] != socket.PACKET_OUTGOING:  # loopback shows every frame twice
                self.frames.append(frame)

    def stop(self):
        self.running = False
        self.thread.join()
        self.socket.close()
        return self.frames

    def datagrams(self):
        """(source port, destination port, payload) of every IPv4 UDP datagram so far."""
        for frame in list(self.frames):
            if frame[12:14] != b"\x08\x00" or frame[23] != 17:
                continue
            start = 14 + (frame[14] & 15) * 4
            source, destination, length = struct.unpack("!HHH", frame[start:start + 6])
            yield source, destination, frame[start + 8:start + length]

    def streams(self):
        """What went over TCP, by (source port, destination port), each segment once, in order."""
        flows = {}
        for frame in list(self.frames):
            if frame[12:14] != b"\x08\x00" or frame[23] != 6:
                continue
            start = 14 + (frame[14] & 15) * 4
            end = 14 + struct.unpack("!H", frame[16:18])[0]
            source, destination, sequence = struct.unpack("!HHI", frame[start:start + 8])
            payload = frame[start + (frame[start + 12] >> 4) * 4:end]
            if payload:
                flows.setdefault((source, destination), {})[sequence] = payload
        return {flow: b"".join(segments[s] for s in sorted(segments)) for flow, segments in flows.items()}
