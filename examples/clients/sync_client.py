"""A client for threads: python examples/clients/sync_client.py [url]."""

import sys
import threading

import fanio as socketio

sio = socketio.Client()
done = threading.Event()


@sio.event
def connect() -> None:
    print("connected as", sio.get_sid())


@sio.event
def tock(number: int) -> None:
    # Each event has a thread: a handler may wait, and others print meanwhile.
    answer = sio.call("back", number)
    print(f"tock {number} {answer}\n", end="")
    if number == 2:
        done.set()


def main(url: str) -> None:
    sio.connect(url, wait_timeout=5)
    print("answer:", sio.call("greet", "hello"))
    sio.emit("tick", 3, callback=lambda: print("acknowledged"))
    done.wait(10)
    sio.disconnect()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
