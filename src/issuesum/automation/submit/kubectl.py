"""`kubectl` with the user's kubeconfig: one command for each question."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from issuesum.errors import ClusterError, ParamsError
from issuesum.registry.image import architecture


@dataclass(frozen=True)
class Kubectl:
    """The API of a cluster, by default that of the current context and its namespace."""

    context: str | None = None
    namespace: str | None = None

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of a question."""
        options = (("--context", self.context), ("--namespace", self.namespace))
        given = [part for name, value in options if value for part in (name, value)]
        return ["kubectl", *given, *arguments]

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Return what it prints.

        Raises:
            ClusterError: there is no kubectl, or the cluster does not answer or refuses.
        """
        try:
            done = subprocess.run(
                self.command(*arguments), check=False, capture_output=True, text=True, input=stdin
            )
        except FileNotFoundError as error:
            raise ClusterError(
                "kubectl must be on PATH. Received: none. "
                "Try: https://kubernetes.io/docs/tasks/tools."
            ) from error
        if done.returncode:
            reason = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise ClusterError(
                f"`kubectl {arguments[0]}` failed. Received: {reason[-1][:500]}. "
                "Try: kubectl config get-contexts, then --context or --namespace."
            )
        return done.stdout

    def items(self, *arguments: str) -> list[dict[str, Any]]:
        """Return the objects that `get` lists."""
        found: list[dict[str, Any]] = json.loads(self.run("get", *arguments, "-o", "json"))["items"]
        return found

    def architecture(self) -> str | None:
        """Return that of nodes, by choice this machine's; None if we may not see nodes."""
        try:
            nodes = self.items("nodes")
        except ClusterError:
            return None
        found = {each["status"]["nodeInfo"]["architecture"] for each in nodes}
        return architecture() if architecture() in found else min(found, default=None)

    def rendered(self, folder: Path) -> list[dict[str, Any]]:
        """Return the documents of a kustomization.

        Raises:
            ParamsError: it is none.
        """
        try:
            return [each for each in yaml.safe_load_all(self.run("kustomize", str(folder))) if each]
        except ClusterError as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise ParamsError(
                    f"{folder} must be a kustomization. Received: {error.received}. "
                    f"Try: kubectl kustomize {folder}."
                ) from error
            raise
