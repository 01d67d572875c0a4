"""The commands of the what-if."""

from __future__ import annotations

from mtop_tui.commands.command import Command

WHAT_IF = (
    Command(
        "what_if.more",
        "plus,equals_sign",
        "replicas(1)",
        "One replica more",
        "What if",
        bar="replicas",
        shown="+",
    ),
    Command("what_if.fewer", "minus", "replicas(-1)", "One replica less", "What if", shown="-"),
    Command(
        "what_if.next_gpu",
        "n,right",
        "gpu(1)",
        "Next GPU type",
        "What if",
        "Of those that the cluster's nodes have",
        bar="GPU type",
        shown="n →",
    ),
    Command(
        "what_if.previous_gpu", "N,left", "gpu(-1)", "Previous GPU type", "What if", shown="N ←"
    ),
    Command(
        "what_if.more_gpus",
        "right_square_bracket",
        "gpus(2)",
        "Twice the GPUs of each replica",
        "What if",
        bar="GPUs of each",
        shown="]",
    ),
    Command(
        "what_if.fewer_gpus",
        "left_square_bracket",
        "gpus(0.5)",
        "Half the GPUs of each replica",
        "What if",
        shown="[",
    ),
    Command("what_if.as_now", "0", "as_now", "As it is now", "What if", bar="as now"),
    Command("what_if.pause", "p,space", "pause", "Pause or resume", "What if", shown="p Space"),
    Command(
        "what_if.back", "escape", "back", "Back", "What if", bar="back", shown="Esc", palette=False
    ),
)
