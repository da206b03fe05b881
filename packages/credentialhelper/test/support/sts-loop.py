# Run in tests: calls STS with the default credentials of boto3 for some seconds, and prints what it saw.
#   python3 sts-loop.py ENDPOINT SECONDS
import json
import sys
import time

import boto3

endpoint, seconds = sys.argv[1], float(sys.argv[2])
session = boto3.Session()
sts = session.client("sts", endpoint_url=endpoint, region_name="us-east-1")
keys, arns, calls = set(), set(), 0
end = time.monotonic() + seconds
while calls == 0 or time.monotonic() < end:
    arns.add(sts.get_caller_identity()["Arn"])
    keys.add(session.get_credentials().get_frozen_credentials().access_key)
    calls += 1
    time.sleep(0.05)
print(json.dumps({"calls": calls, "keys": len(keys), "arns": sorted(arns)}))
