"""Shows that scripts/deploy has Lambda publish a version wherever a setting changed, and none where nothing did.

SAM's own translator says which versions a template has, and SAM's own command line what the script's arguments mean. Only AWS is played, by
an `aws` and a `sam` that write down how they were called. Run by scripts/lint-template, in the environment of its tools.
"""

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
    """A copy of what the script reads, and an account with one stack."""

    def __init__(self, folder: pathlib.Path, stack: dict[str, str]):
        self.folder, self.stack = folder, stack
        for name in ("scripts", "bin", ".aws-sam/build"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "scripts/deploy", folder / "scripts/deploy")
        self.tool("aws", 'cat "$STACK_HAS" 2>/dev/null || { echo "$STACK_SAYS" >&2; exit 254; }')
        self.tool("sam", '[ "$1" != build ] || cp "$TEMPLATE" .aws-sam/build/template.yaml; printf "%s\\0" "$@" >"$CALLED"')

    def tool(self, name: str, does: str):
        path = self.folder / "bin" / name
        path.write_text(f"#!/usr/bin/env bash\n{does}\n")
        path.chmod(0o755)

    def deploy(self, *arguments: str, says: str = "Stack with id smartstore does not exist") -> tuple[int, set[str], dict[str, str]]:
        """How the script ended, the versions of what it deployed, and the parameters that sam understood."""
        has, called = self.folder / "has", self.folder / "called"
        has.unlink(missing_ok=True)
        called.unlink(missing_ok=True)
        if self.stack:
            has.write_text("".join(f"{name}\t{value}\n" for name, value in self.stack.items()))
        variables = {"STACK_HAS": has, "STACK_SAYS": says, "TEMPLATE": ROOT / "template.yaml", "CALLED": called}
        variables = {name: str(value) for name, value in variables.items()}
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        command = [str(self.folder / "scripts/deploy"), *arguments]
        ended = subprocess.run(command, env={**os.environ, **variables, "PATH": path}, capture_output=True, check=False)
        if not called.exists() or ended.returncode:
            return ended.returncode, set(), {}
        words = called.read_text().split("\0")[:-1]
        at = words.index("--parameter-overrides")
        given = CfnParameterOverridesType().convert(tuple(words[at + 1 :]), None, None)
        self.stack = {**self.stack, **given}
        template = (self.folder / ".aws-sam/build/template.yaml").read_text()
        return 0, versions(template, self.stack), given


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
        world = World(pathlib.Path(folder), {})
        _, first, given = world.deploy("smartstore", *(f"{name}={value}" for name, value in STACK.items()))
        expect(given == {**STACK, "Rollout": "Canary10Percent5Minutes"}, f"a new stack has what was named: {given}")
        _, again, _ = world.deploy("smartstore")
        expect(again == first, "a deploy that changes nothing publishes nothing")
        _, same, _ = world.deploy("--now", "smartstore", "TrustSafetyNotifications=on")
        expect(same == first, "neither does one that names what is so already")
        _, off, given = world.deploy("--now", "smartstore", "TrustSafetyNotifications=off")
        expect(len(off) == len(first) and not off & first, "each function with an alias has a version with the new value")
        expect(given == {"Rollout": "AllAtOnce", "TrustSafetyNotifications": "off"}, f"and nothing else is changed: {given}")
        odd = {"CorsAllowOrigins": "https://a.example,https://b.example", "AlertEmail": "", "InternalCodes": 'a b="c"'}
        _, _, given = world.deploy("--built", "smartstore", *(f"{name}={value}" for name, value in odd.items()))
        expect({name: given.get(name) for name in odd} == odd, f"values arrive as they are: {given}")
        world.stack = {}
        ended, _, _ = world.deploy("smartstore", says="Unable to locate credentials")
        expect(ended != 0, "an account that cannot be asked is no new stack")
        for bad in ([], ["--later", "smartstore"], ["smartstore", "off"], ["smartstore", "Rollout=AllAtOnce"]):
            expect(world.deploy(*bad)[0] == 2, f"{bad} is refused")
    return wrong


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    found = main()
    print("\n".join(found))
    sys.exit(bool(found))
