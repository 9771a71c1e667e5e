"""The store inside MicroPython on the simulator's chip, for the state machine: `store_machine.py OPERATIONS`.

The chip is the files `flash` and `books` of the current directory; it loses power at operation number OPERATIONS of
this process (0: never), and the process ends with 99 then. Commands come as lines of JSON, `[name, argument, …]`
(store_driver.py); each answer is a line of JSON, and the first line says that the store is open.
"""

import gc
import json
import sys

import simchip
from store_driver import Driver

from postino.board import storage
from postino.store import Store
from postino.store.log_device import RawLog

ROOT = "/mail"


def answer(value):
    json.dump(value, sys.stdout)
    sys.stdout.write("\n")


def main():
    size = simchip.open("flash", "books")
    simchip.power_cut(int(sys.argv[1]))
    seconds = [0]
    reports = []
    device = storage.mount_mail(simchip.Partition(0, size), ROOT, RawLog)
    store = Store(ROOT, lambda: seconds[0], device, reports.append)
    store.start()
    driver = Driver(store, seconds, reports)
    answer({"result": "ready"})
    while True:
        line = sys.stdin.readline()
        if not line:
            return
        request = json.loads(line)
        if request[0] == "cut_at":
            simchip.power_cut(request[1])
            answer({"result": None})
        else:
            answer(driver.call(*request))
        gc.collect()


main()
