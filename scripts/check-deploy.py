"""Shows that scripts/deploy has Lambda publish a version wherever a setting changed, and none where nothing did.

SAM's own translator says which versions a template has, and SAM's own command line what the script's arguments mean. Only AWS is played, by
an `aws` and a `sam` that write down how they were called. Run by scripts/lint-template, in the environment of its tools.
"""

import json
import logging
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import boto3
from samcli.cli.types import CfnParameterOverridesType
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

ROOT = pathlib.Path(__file__).parent.parent
STACK = {"ProjectId": "demo-project", "Stage": "prod", "TrustSafetyNotifications": "on", "AlertEmail": ""}
# What the fake of AWS says of no stack, and of nobody.
NO_STACK, NOBODY = "Stack with id smartstore does not exist", "Unable to locate credentials"


def defaults(template: str) -> dict[str, str]:
    """What CloudFormation takes for parameters that nobody names."""
    parameters = yaml_parse(template)["Parameters"].items()
    return {name: str(parameter["Default"]) for name, parameter in parameters if "Default" in parameter}


def versions(template: str, parameters: dict[str, str]) -> set[str]:
    """The logical ids of the versions of functions, as CloudFormation would have them."""
    parsed = yaml_parse(template)
    for resource in parsed["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            # What stands here once `sam deploy` has uploaded the code.
            resource["Properties"]["CodeUri"] = "s3://bucket/code"
    translator = Translator({}, Parser(), None, boto3.Session(region_name="eu-central-1"))
    resources = translator.translate(parsed, parameters)["Resources"]
    return {name for name, resource in resources.items() if resource["Type"] == "AWS::Lambda::Version"}


class World:
    """A copy of what the script reads, and an account with at most one stack."""

    def __init__(self, folder: pathlib.Path):
        self.folder, self.stack, self.status, self.says = folder, {}, "UPDATE_COMPLETE", NO_STACK
        for name in ("scripts", "bin", ".aws-sam/build"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "scripts/deploy", folder / "scripts/deploy")
        self.template = (ROOT / "template.yaml").read_text()
        self.tool("aws", 'cat "$STACK_HAS" 2>/dev/null || { echo "$STACK_SAYS" >&2; exit 254; }')
        build = '[ "$1" != build ] || cp template.yaml .aws-sam/build/template.yaml'
        self.tool("sam", f'{build}; echo "$1" >>"$CALLED.all"; printf "%s\\0" "$@" >"$CALLED"')

    def tool(self, name: str, does: str):
        path = self.folder / "bin" / name
        path.write_text(f"#!/usr/bin/env bash\n{does}\n")
        path.chmod(0o755)

    def deploy(self, *arguments: str) -> tuple[int, set[str], dict[str, str]]:
        """How the script ended, the versions of what it deployed, and the parameters that sam understood."""
        (self.folder / "template.yaml").write_text(self.template)
        has, called = self.folder / "has", self.folder / "called"
        for leftover in (has, called, self.folder / "called.all"):
            leftover.unlink(missing_ok=True)
        if self.stack:
            parameters = [{"ParameterKey": name, "ParameterValue": value} for name, value in self.stack.items()]
            stack = {"StackStatus": self.status, "LastUpdatedTime": "2026-03-01T09:00:00Z", "Parameters": parameters}
            has.write_text(json.dumps({"Stacks": [stack]}))
        variables = {"STACK_HAS": str(has), "STACK_SAYS": self.says, "CALLED": str(called)}
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        # Not by its first line: a version manager's python3 puts its own tools first.
        command = [sys.executable, str(self.folder / "scripts/deploy"), *arguments]
        ended = subprocess.run(command, cwd="/", env={**os.environ, **variables, "PATH": path}, capture_output=True, text=True, check=False)
        self.said, self.has_built = ended.stderr, (self.folder / "called.all").exists()
        if not called.exists() or ended.returncode:
            return ended.returncode, set(), {}
        words = called.read_text().split("\0")[:-1]
        at = words.index("--parameter-overrides")
        given = CfnParameterOverridesType().convert(tuple(words[at + 1 :]), None, None)
        # What is not named stays as it is; what the stack has not, is the default.
        self.stack = {**defaults(self.template), **self.stack, **given}
        return 0, versions((self.folder / ".aws-sam/build/template.yaml").read_text(), self.stack), given


def main() -> list[str]:
    """What is wrong."""
    wrong = []

    def expect(holds: bool, what: str):
        if not holds:
            wrong.append(what)

    template = (ROOT / "template.yaml").read_text()
    plain = versions(template, STACK)
    expect(len(plain) >= 7, f"the functions with an alias have versions: {plain}")
    off = versions(template, {**STACK, "TrustSafetyNotifications": "off"})
    expect(off == plain, "SAM sees the values of parameters by itself now: scripts/deploy has no use any more")
    with tempfile.TemporaryDirectory() as folder:
        world = World(pathlib.Path(folder))
        _, first, given = world.deploy("smartstore", *(f"{name}={value}" for name, value in STACK.items()))
        expect(given == {**STACK, "Rollout": "Canary10Percent5Minutes"}, f"a new stack has what was named: {given}")
        _, again, _ = world.deploy("smartstore")
        expect(again == first, "a deploy that changes nothing publishes nothing")
        _, same, _ = world.deploy("--now", "smartstore", "TrustSafetyNotifications=on")
        expect(same == first, "neither does one that names what is so already")
        _, slow, _ = world.deploy("smartstore")
        expect(slow == first, "nor one that is slow where the last was quick")
        _, off, given = world.deploy("--now", "smartstore", "TrustSafetyNotifications=off")
        expect(len(off) == len(first) and not off & first, "each function with an alias has a version with the new value")
        expect(given == {"Rollout": "AllAtOnce", "TrustSafetyNotifications": "off"}, f"and nothing else is changed: {given}")
        _, still, _ = world.deploy("smartstore")
        expect(still == off, "the next deploy, which is a slow one again, keeps them")
        world.status = "UPDATE_ROLLBACK_COMPLETE"
        _, retried, _ = world.deploy("smartstore")
        expect(not retried & off, "after a deploy that was taken back, versions are published anew")
        world.status = "UPDATE_COMPLETE"
        world.template = world.template.replace("Parameters:\n", "Parameters:\n  Newer:\n    Type: String\n    Default: a\n", 1)
        _, newer, _ = world.deploy("smartstore")
        _, newest, _ = world.deploy("smartstore")
        expect(newer == newest, "a parameter that is new counts once, whether the stack has it or its default")
        odd = {"CorsAllowOrigins": "https://a.example,https://b.example", "AlertEmail": "", "InternalCodes": 'a b="c"'}
        _, _, given = world.deploy("--built", "smartstore", *(f"{name}={value}" for name, value in odd.items()))
        expect({name: given.get(name) for name in odd} == odd, f"values arrive as they are: {given}")
        bad = ([], ["--later", "smartstore"], ["smartstore", "off"], ["smartstore", "Rollout=AllAtOnce"], ["smartstore", "AlertEmail=a\\"])
        for words in (*bad, ["smartstore", "TrustSafetyNotification=off"]):
            expect(world.deploy(*words)[0] == 2 and "usage:" in world.said and not world.has_built, f"{words} is refused: {world.said}")
        world.status = "ROLLBACK_COMPLETE"
        expect(world.deploy("smartstore")[0] == 1 and "sam delete" in world.said, "a stack that was never whole is to be deleted")
        world.stack = {}
        ended = world.deploy("smartstor", "TrustSafetyNotifications=off")[0]
        expect(ended == 1 and "ProjectId=" in world.said and not world.has_built, f"a misspelt stack is no new one: {world.said}")
        world.says = NOBODY
        ended = world.deploy("smartstore", "ProjectId=demo-project")[0]
        expect(ended == 1 and NOBODY in world.said, "an account that cannot be asked is no new stack")
    return wrong


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    found = main()
    print("\n".join(found))
    sys.exit(bool(found))
