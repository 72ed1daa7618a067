"""What comes below the flags in each command's help: commands to paste."""

from collections.abc import Mapping

__all__ = ["EXAMPLES", "epilog"]

EXAMPLES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "": (
        ("check", "the cluster of the current kubeconfig"),
        ("check --host-root /", "the files of this node"),
        ("completion bash", "completion for a shell"),
    ),
    "check": (
        ("check", "the cluster of the current kubeconfig"),
        ("check --context aks-prod --max-age 90d", "another context, and your policy's maximum age"),
        ("check --azure.enabled true", "ask Azure too, with your own az login"),
        ("check --host-root / --kubelet-address 10.224.0.4:10250", "this node's files, and what its kubelet serves"),
        ("check -o json | jq '.findings[]'", "for a program"),
        ("check --severity critical --quiet", "for cron: nothing where nothing is critical"),
        ("check --watch 30s", "again and again"),
    ),
    "node": (
        ("node --host-root /host --node-name aks-nodepool1-12345678-vmss000000", "as the chart runs it"),
        ("node --web.listen-address 127.0.0.1:9964", "for this machine only"),
    ),
    "cluster": (
        ("cluster", "in a Pod, with its service account"),
        ("cluster --kubeconfig ~/.kube/config --context aks-prod", "from a laptop"),
        ("cluster --azure.enabled false --kubelets.enabled false", "the Kubernetes API only"),
    ),
    "metrics": (("metrics", "as Markdown"), ("metrics -o json", "for a program")),
    "completion": (
        ("completion bash > ~/.local/share/bash-completion/completions/aks-cert-exporter", "bash"),
        ("completion zsh >> ~/.zshrc", "zsh"),
        ("completion fish > ~/.config/fish/completions/aks-cert-exporter.fish", "fish"),
        ("completion powershell >> $PROFILE", "PowerShell"),
    ),
}
"""By command: what comes after the program's name, and what it does."""


def epilog(program: str, command: str) -> str:
    """The examples of one command."""
    lines = [(f"{program} {line}", what) for line, what in EXAMPLES[command]]
    return "\n".join(["examples:", *(f"  # {what}\n  {line}" for line, what in lines)])
