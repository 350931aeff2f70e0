#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The files for GitHub, GitLab and Kubernetes in dearth-suite(7): they are what they should be, and what they run is run
# here, job by job, as those would: the whole in the end, with the flaw.
# tags: unsanitized
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
# shellcheck source=tests/common/suite-lib.sh
source "$SOURCE/tests/common/suite-lib.sh"
need make
python3 -c 'import yaml, jsonschema' || skip "python3-yaml, python3-jsonschema"
unset MAKEFLAGS MAKELEVEL MFLAGS # of who runs us
PATH=$(dirname "$DEARTH"):$PATH

make_project
printf '#!/bin/sh\n' >configure # it is built already
chmod +x configure
status 0 "$DEARTH" suite record -o suite.db -- ./check.sh
cp suite.db whole.db
status 0 "$DEARTH" suite replay whole.db

block GITHUB >../github.yml
block GITLAB >../gitlab.yml
block KUBERNETES >../kubernetes.yml

# What of each the page uses, as their references have it; anything else is a mistake here.
cat >../check.py <<'END'
import json
import sys

import jsonschema
import yaml


def one(**members):
    return {"type": "object", "properties": members, "required": list(members), "additionalProperties": False}


def some(required, **members):
    return {**one(**members), "required": required}


text, number = {"type": "string", "minLength": 1}, {"type": "integer", "minimum": 1}


def several(item):
    return {"type": "array", "items": item, "minItems": 1}


given = {"type": "object", "additionalProperties": {"type": ["string", "boolean"]}}
step = {"oneOf": [some(["uses"], uses=text, **{"with": given}), one(run=text)]}
github_job = some(["runs-on", "steps"], needs=text, env={"type": "object"}, steps=several(step),
                  strategy=one(**{"fail-fast": {"const": False}, "matrix": {"type": "object"}}),
                  **{"runs-on": text, "if": text})
gitlab_job = some(["stage", "script"], stage=text, script=several(text), parallel=number, when=text, needs=several(text),
                  artifacts=some([], untracked={"const": True}, paths=several(text)))
name = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"}
schemas = {
    # "on" is the word for true in YAML 1.1, which the library speaks
    "github": one(name=text, jobs={"type": "object", "additionalProperties": github_job}, **{"true": several(text)}),
    "gitlab": {"type": "object", "properties": {"stages": several(text)}, "required": ["stages"],
               "additionalProperties": gitlab_job},
    "kubernetes": one(
        apiVersion={"const": "batch/v1"}, kind={"const": "Job"}, metadata=one(name=name),
        spec=one(
            completionMode={"const": "Indexed"}, completions=number, parallelism=number, backoffLimit=number,
            template=one(spec=one(
                restartPolicy={"enum": ["Never", "OnFailure"]},
                containers=several(one(
                    name=name, image=text, workingDir=text, command=several(text), args=several(text),
                    volumeMounts=several(one(name=name, mountPath={"type": "string", "pattern": "^/"})))),
                volumes=several(one(name=name, persistentVolumeClaim=one(claimName=name))))))),
}

kind, path = sys.argv[1:]
manifest = json.loads(json.dumps(yaml.safe_load(open(path))))
jsonschema.Draft202012Validator(schemas[kind]).validate(manifest)
jobs, run = {}, []
if kind == "github":
    for job, content in manifest["jobs"].items():
        assert content.get("needs", "record") in manifest["jobs"]
        values = content.get("strategy", {}).get("matrix", {"-": [0]})
        (variable, values), = values.items()
        for value in values:
            env = {k: str(v).replace("${{ matrix.%s }}" % variable, str(value)).replace("${{ strategy.job-total }}", str(len(values)))
                   for k, v in content.get("env", {}).items()}
            run.append([job, env, [s["run"] for s in content["steps"] if "run" in s]])
elif kind == "gitlab":
    for job, content in manifest.items():
        if job != "stages":
            assert content["stage"] in manifest["stages"] and set(content.get("needs", [])) <= set(manifest)
            n = content.get("parallel", 1)
            for i in range(1, n + 1):
                run.append([job, {"CI_NODE_INDEX": str(i), "CI_NODE_TOTAL": str(n)} if n > 1 else {}, content["script"]])
else:
    pod = manifest["spec"]["template"]["spec"]
    container, = pod["containers"]
    assert {m["name"] for m in container["volumeMounts"]} == {v["name"] for v in pod["volumes"]}
    assert container["command"] == ["sh", "-ec"]
    run = [["shard", {"JOB_COMPLETION_INDEX": str(i)}, container["args"]] for i in range(manifest["spec"]["completions"])]
json.dump(run, sys.stdout)
END

# Each job in the folder as it was after the first one; what has the name of a shard is what they hand on.
cat >../run.py <<'END'
import glob
import json
import os
import shutil
import subprocess
import sys

jobs, out = json.load(open(sys.argv[1])), sys.argv[2]
log = open("../log", "wb")
os.mkdir(out)
for name, env, scripts in jobs:
    if name == "judge":
        for shard in glob.glob(out + "/*"):
            shutil.copy(shard, ".")
    elif name == "shard":
        shutil.copy("../suite.db", "suite.db")
        for artifact in glob.glob("../built.tar"):
            shutil.copy(artifact, ".")
    for script in scripts:
        script = script.replace("/shards/", out + "/")
        done = subprocess.run(["bash", "-ec", script], env={**os.environ, "RUNNER_TEMP": "..", **env}, stdin=subprocess.DEVNULL,
                              stdout=log, stderr=log)
        if done.returncode and name == "judge":
            sys.exit(done.returncode)
        assert done.returncode == 0, (name, script)
    if name == "record":
        shutil.copy("suite.db", "..")
    for shard in glob.glob("shard*.db") if name == "shard" else []:
        shutil.move(shard, out)
END

for engine in github gitlab kubernetes; do
    status 0 python3 ../check.py $engine ../$engine.yml
    cp out ../$engine.json
    sed 's/^\( *\)\(jobs\|stages\|completions\):/\1\2s:/' ../$engine.yml >wrong.yml
    cmp -s wrong.yml ../$engine.yml && fail "nothing to mistype in $engine"
    status 1 python3 ../check.py $engine wrong.yml
    cp suite.db ../suite.db
    if [ $engine = kubernetes ]; then # it has no job that merges
        status 0 python3 ../run.py ../$engine.json "$work/$engine"
        status 0 "$DEARTH" merge all.db "$work/$engine"/*.db
    else
        rm suite.db
        status 1 python3 ../run.py ../$engine.json "$work/$engine"
        contains ../log "1 finding of severity bug"
        lacks ../log "these are missing"
    fi
    lacks err "missing"
    # the suite was recorded again: compared is what its parts say
    cp ../suite.db whole.db
    "$DEARTH" suite replay -q whole.db >/dev/null
    rm -f whole.verdicts
    is_whole all.db
    cp ../suite.db suite.db
    rm -f all.db shard*.db built.tar ../built.tar
done
