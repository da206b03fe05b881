# Runs commands of the AWS CLI in one process: it takes as long to start as several commands take.
# Input: a line with a command, for each; output: a line of JSON with its exit status and what it printed.
import contextlib
import io
import json
import shlex
import sys

from awscli.clidriver import create_clidriver

for line in sys.stdin:
    [program, *arguments] = shlex.split(line)
    assert program == 'aws', program
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        status = create_clidriver().main(arguments + ['--endpoint-url', sys.argv[1]])
    print(json.dumps({'status': status, 'printed': printed.getvalue()}), flush=True)
