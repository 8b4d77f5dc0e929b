#!/usr/bin/env python3
"""An investigator: it reads the row and the board, and prints findings. `oncall-tui schema command-input` says what."""

import json
import sys

given = json.load(sys.stdin)
row, board = given["row"], given["board"]
service = row["service"]

print(f"{row['kind']} {row['title']} ({row['state']})")
found = []
for alert in row["alerts"]:
    found += [f"suspect: {suspect['words']}" for suspect in alert["suspects"]]
    if not alert["suspects"]:
        found.append(f"no suspect: {alert['suspicion'] or 'nothing is known'}")
for line in dict.fromkeys(found):  # the alerts of one row have the same suspects
    print(line)
if service is not None:
    print(f"service: {service['id']} {service['health']}, {service['running']} of {service['desired']} tasks run")
    for deploy in board["deploys"]:
        if deploy["service"] == service["id"]:
            print(f"deploy: {deploy['says']}")
    others = [a for a in board["alerts"] if a["service"] == service["id"] and a["id"] != row["id"]]
    for alert in others:
        print(f"also: {alert['title']} ({alert['state']})")
for source in board["sources"]:
    if source["state"] != "ok":
        print(f"not known: {source['name']} is {source['state']}: {source['message']}")
