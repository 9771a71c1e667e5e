"""Starts the store on images that lie one behind the other in the file `flash`, and says what is in each of them.

`crash_images.py COUNT BLOCKS USER...`; one line of JSON for each image, as store_driver tells it, or {"error": text}.
"""

import gc
import json
import sys

import simchip
import vfs
from store_driver import Driver

from postino.board import storage
from postino.store import Store
from postino.store.log_device import RawLog

BLOCK = 4096


def observe(number, size, users):
    partition = simchip.Partition(number * size, size)
    window = storage.mount_mail(partition, "/mail", RawLog)
    try:
        seconds = [0]
        store = Store("/mail", lambda: seconds[0], window)
        store.open()
        return Driver(store, seconds, []).observe([user for user in users if store.find(user, "INBOX")], True)
    finally:
        vfs.umount("/mail")


def main():
    count = int(sys.argv[1])
    size = int(sys.argv[2]) * BLOCK
    simchip.open("flash", "books")
    for number in range(count):
        try:
            print(json.dumps(observe(number, size, sys.argv[3:])))
        except Exception as error:
            print(json.dumps({"error": repr(error)}))
        gc.collect()


main()
